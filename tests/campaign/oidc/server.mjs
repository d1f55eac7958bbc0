// An exchange made of oidc-provider: refresh tokens are rotated, and a reused one ends its grant.
//
// `node server.mjs PORT` serves on loopback. Beside the provider's own endpoints there are those of the sandbox:
// POST /control/authorizations brings a code without a browser, GET /control/books says what was spent and what lives.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const NAME = 'oidc';
const CLIENT = { id: 'sandbox-oidc', secret: 'sandbox-oidc-secret' };
const SCOPE = 'openid offline_access';
const YEAR = 365 * 24 * 3600;
const port = Number(process.argv[2]);
const base = `http://127.0.0.1:${port}`;
const redirectUri = `${base}/callback`;

const stores = new Map();
const accessSeconds = new Map();
const tallies = new Map();

// Everything is remembered, for as long as the process lives: forgetting would look like a loss.
class Adapter {
  constructor(model) {
    if (!stores.has(model)) stores.set(model, new Map());
    this.store = stores.get(model);
  }

  async upsert(id, payload) { this.store.set(id, payload); }

  async find(id) { return this.store.get(id); }

  async findByUid() { return undefined; }

  async findByUserCode() { return undefined; }

  async consume(id) { this.store.get(id).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { this.store.delete(id); }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.store) if (payload.grantId === grantId) this.store.delete(id);
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(base, {
  adapter: Adapter,
  clients: [{
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  revokeGrantPolicy: () => true,
  pkce: { required: () => true },
  ttl: {
    AccessToken: (ctx, token) => accessSeconds.get(token.accountId) ?? 3600,
    AuthorizationCode: 600,
    IdToken: 3600,
    RefreshToken: YEAR,
    Grant: YEAR,
  },
});

function tally(account) {
  if (!tallies.has(account)) tallies.set(account, { exchanges: 0, refreshes: 0, reuses: 0 });
  return tallies.get(account);
}

provider.on('grant.success', (ctx) => {
  const { accountId } = ctx.oidc.entities.Account;
  tally(accountId)[ctx.oidc.params.grant_type === 'refresh_token' ? 'refreshes' : 'exchanges'] += 1;
});
provider.on('grant.revoked', (ctx) => {
  const token = ctx.oidc.entities.RefreshToken;
  if (ctx.oidc.params?.grant_type === 'refresh_token' && token?.consumed) tally(token.accountId).reuses += 1;
});
provider.on('server_error', (ctx, error) => console.error(error));

async function authorize({ account, access_seconds: seconds }) {
  accessSeconds.set(account, Math.max(1, Math.round(seconds ?? 3600)));
  tally(account);
  const client = await provider.Client.find(CLIENT.id);
  const grant = new provider.Grant({ accountId: account, clientId: CLIENT.id });
  grant.addOIDCScope(SCOPE);
  const grantId = await grant.save();
  const verifier = randomBytes(32).toString('base64url');
  const code = new provider.AuthorizationCode({
    accountId: account,
    authTime: Math.floor(Date.now() / 1000),
    client,
    codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
    codeChallengeMethod: 'S256',
    grantId,
    gty: 'authorization_code',
    redirectUri,
    scope: SCOPE,
  });
  return { code: await code.save(), redirect_uri: redirectUri, code_verifier: verifier };
}

function books() {
  const now = Date.now() / 1000;
  const found = {};
  for (const [account, counts] of tallies) found[account] = { ...counts, live: [] };
  for (const model of ['AccessToken', 'RefreshToken']) {
    for (const [id, token] of stores.get(model) ?? []) {
      if (!token.consumed && token.exp > now && stores.get('Grant').has(token.grantId)) {
        found[token.accountId]?.live.push(createHash('sha256').update(id).digest('hex'));
      }
    }
  }
  return { [NAME]: found };
}

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

async function control(request) {
  const { pathname } = new URL(request.url, base);
  if (request.method === 'POST' && pathname === '/control/authorizations') return authorize(await body(request));
  if (request.method === 'GET' && pathname === '/control/books') return books();
  return undefined;
}

const callback = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/control/')) {
    callback(request, response);
    return;
  }
  control(request).then((answer) => {
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  }, (error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(port, '127.0.0.1', () => console.log('serving'));
