"""Every OAuth integration: one class, driven by settings."""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

from mmt_grpc.domain.model import (
    AuthorizationCode,
    BearerToken,
    Credential,
    Grant,
    Liveness,
    OAuthTokens,
    Scope,
    Upstream,
)
from mmt_grpc.domain.ports.providers import Issued, Learn
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.bearer import BearerApi, bearer_header
from mmt_grpc.providers.classification import CODE, REFRESH
from mmt_grpc.providers.client import ExchangeClient
from mmt_grpc.providers.connection import Connection
from mmt_grpc.providers.dialect import Dialect
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import Answer, Request, form
from mmt_grpc.providers.options import ClientAuth, OAuthOptions, Rotation
from mmt_grpc.providers.revocation import Revocation
from mmt_grpc.providers.scopes import ScopeRules
from mmt_grpc.providers.token_answer import at_path, fields_of, read_account, read_scopes, read_tokens


class OAuthProvider:
    """An OAuth integration (RFC 6749, 7009, 7636); its dialect holds what no setting says."""

    def __init__(self, *, name: str, options: OAuthOptions, client: ExchangeClient, dialect: Dialect) -> None:
        self._name = name
        self._options = options
        self._client = client
        self._dialect = dialect
        self._api = BearerApi(client=client)
        self._scopes = ScopeRules(options.read_scopes, options.write_scopes, options.refuse_wider_grants)
        self._token = Endpoint.parse(options.token_url)
        self._revocation = _endpoint(options.revoke_url)
        self._account = _endpoint(options.account_url)
        self._granted = _endpoint(options.scopes_url)
        self._session = _endpoint(options.session_url) or self._account

    @property
    def name(self) -> str:
        return self._name

    @property
    def tolerates_reuse(self) -> bool:
        return self._options.rotation is not Rotation.STRICT

    def redeem(self, grant: Grant, scope: Scope) -> Issued:  # noqa: ARG002  # a code carries its scope already
        if isinstance(grant, OAuthTokens):
            credential = BearerToken(grant.access_token)
            scopes = grant.granted_scopes or None
            issued = Issued(credential, grant.refresh_token, None, scopes, expires_at=grant.expires_at)
            # How old it is, nobody says: it dies no later than a new one, and is kept alive by then.
            return self._with_renewal_life(issued)
        if not isinstance(grant, AuthorizationCode):
            raise TypeError(f"{self._name} takes no {type(grant).__name__}")
        fields = {
            "grant_type": "authorization_code",
            "code": grant.code.reveal(),
            "redirect_uri": grant.redirect_uri,
            "code_verifier": grant.code_verifier.reveal(),
        }
        return self._client.spend(self._token_request(fields), CODE, self._read_tokens)

    def read_account(self, credential: Credential) -> str | None:
        if self._account is None:
            return None
        return self._api.ask(
            self._account,
            _token_of(credential),
            lambda answer: read_account(at_path(fields_of(answer), self._options.account_field)),
        )

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:
        if self._granted is None:
            return None
        return self._api.ask(
            self._granted,
            _token_of(credential),
            lambda answer: read_scopes(at_path(fields_of(answer), self._options.scopes_field)),
        )

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._scopes.covers(granted, scope)

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._scopes.is_wider(granted, scope)

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        return self._scopes.asked(scope)

    def open_refresh(self) -> "OAuthRefreshChannel":
        return OAuthRefreshChannel(provider=self, connection=self._client.open(self._token))

    def refresh_on(self, connection: Connection, renewal: Secret) -> Issued:
        """Spend a refresh token on an open connection, once."""
        fields = {"grant_type": "refresh_token", "refresh_token": renewal.reveal()}
        answer = connection.send(self._token_request(fields), self._client.deadline())
        return self._client.settle(answer, REFRESH, self._read_tokens)

    def revoke(self, credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        if self._revocation is None:
            return Upstream.UNSUPPORTED
        token = _token_of(credential)
        sent = renewal if self._dialect.revokes_refresh_tokens else None
        return Revocation(client=self._client, gone_is_401=self._dialect.gone_is_401).run(
            renewal=None if sent is None else self._revocation_request(self._revocation, sent, "refresh_token"),
            access=self._revocation_request(self._revocation, token, "access_token"),
            probe=lambda deadline: self._api.probe(self._session, token, deadline=deadline),
            learn=learn,
        )

    def probe(self, credential: Credential) -> Liveness:
        return self._api.probe(self._session, _token_of(credential))

    def _token_request(self, fields: Mapping[str, str]) -> Request:
        headers, client_fields = self._client_auth()
        return Request("POST", self._token, headers, form({**fields, **client_fields}))

    def _revocation_request(self, endpoint: Endpoint, token: Secret, hint: str) -> Request:
        if self._dialect.revokes_with_bearer:
            return Request("POST", endpoint, bearer_header(token), form({"token": token.reveal()}))
        headers, client_fields = self._client_auth()
        return Request(
            "POST", endpoint, headers, form({"token": token.reveal(), "token_type_hint": hint, **client_fields})
        )

    def _client_auth(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the headers and the form fields that name the service (RFC 6749 section 2.3.1)."""
        name, secret = self._options.client_id, self._options.client_secret.reveal()
        if self._options.client_auth is ClientAuth.BODY:
            return {}, {"client_id": name, "client_secret": secret}
        pair = base64.b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}, {}

    def _read_tokens(self, answer: Answer) -> Issued:
        return self._with_renewal_life(read_tokens(answer))

    def _with_renewal_life(self, issued: Issued) -> Issued:
        """Say how long the refresh token lives, where the exchange did not and its dialect does."""
        if issued.renewal is None or issued.renewal_expires_in is not None:
            return issued
        return dataclasses.replace(issued, renewal_expires_in=self._dialect.renewal_life)


class OAuthRefreshChannel:
    """An open connection to a token endpoint, good for one refresh."""

    def __init__(self, *, provider: OAuthProvider, connection: Connection) -> None:
        self._provider = provider
        self._connection = connection

    def refresh(self, renewal: Secret) -> Issued:
        return self._provider.refresh_on(self._connection, renewal)

    def close(self) -> None:
        self._connection.close()


def _endpoint(url: str | None) -> Endpoint | None:
    return None if url is None else Endpoint.parse(url)


def _token_of(credential: Credential) -> Secret:
    if not isinstance(credential, BearerToken):
        raise TypeError("an OAuth credential is a bearer token")
    return credential.token
