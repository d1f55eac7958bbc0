"""The whole service against a plain dictionary: whatever clients, users and exchanges do, both say the same."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from mmt_grpc.domain.errors import ReauthenticationRequiredError, ScopeMismatchError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, ConnectOutcome, Scope, Upstream
from mmt_grpc.domain.token_row import TokenRow
from tests.domain.dictionary import Dictionary, Identity
from tests.support.fakes_world import HOUR, Client, World

CLIENTS = st.sampled_from(["client-1", "client-2"])
USERS = st.sampled_from(["alice", "bob"])
INTEGRATIONS = st.sampled_from(["coinbase", "binance"])
SCOPES = st.sampled_from(list(Scope))
SECONDS = st.sampled_from([1, 29, 61, 1000, 3539, 3541, 3600, 7200])


class Service(RuleBasedStateMachine):
    """Each rule does something to the service and to the dictionary, and compares what they say."""

    tokens = Bundle("tokens")
    revoked = Bundle("revoked")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self.world = World(Path(self._directory.name))
        self.dictionary = Dictionary()
        self.entries = self.dictionary.entries
        self.deleted: list[TokenRow] = []

    def teardown(self) -> None:
        self._directory.cleanup()

    @rule(
        target=tokens,
        client=CLIENTS,
        user=USERS,
        integration=INTEGRATIONS,
        scope=SCOPES,
        caller=SCOPES,
        elsewhere=st.booleans(),
        may_change=st.booleans(),
    )
    def connect(
        self,
        *,
        client: str,
        user: str,
        integration: str,
        scope: Scope,
        caller: Scope,
        elsewhere: bool,
        may_change: bool,
    ) -> object:
        identity = (client, user, integration, scope)
        account = f"{user}-elsewhere" if elsewhere else user
        entry, exchange = self.entries.get(identity), self.world.exchanges[integration]
        coinbase = integration == "coinbase"
        grant = exchange.authorize(account, scope) if coinbase else exchange.add_user(account, scope=scope)
        expected = self.dictionary.refuses(identity, account, caller, may_change=may_change)
        if expected is not None:
            with pytest.raises(expected):
                self._client(client, caller).connect(user, grant, integration=integration, scope=scope)
            self.world.life.engine.upstream.sweep()
            return multiple()

        connected = self._client(client, caller).connect(
            user, grant, integration=integration, scope=scope, allow_account_change=may_change
        )

        now = self.world.rows.now()
        assert connected.expires_at == now + HOUR
        assert connected.refreshable == coinbase
        if entry is None:
            assert connected.outcome is ConnectOutcome.CREATED
            assert connected.token_id not in self.dictionary.ever
        else:
            assert connected.outcome is ConnectOutcome.REAUTHENTICATED
            assert connected.token_id == entry.token_id
        self.dictionary.connect(identity, connected.token_id, account, now)
        return identity

    @rule(identity=tokens, caller=SCOPES, required=SCOPES)
    def resolve(self, identity: Identity, caller: Scope, required: Scope) -> None:
        client, user, integration, scope = identity
        entry = self.entries.get(identity)
        if entry is None:
            return
        api = self._client(client, caller)
        if min(caller, scope) < max(required, scope):
            with pytest.raises(ScopeMismatchError):
                api.resolve(entry.token_id, required=required)
            return
        cause = self.dictionary.resolve(identity, self.world.rows.now())
        if cause is not None:
            with pytest.raises(ReauthenticationRequiredError) as refusal:
                api.resolve(entry.token_id, required=required)
            assert refusal.value.cause is cause
            return

        resolved = api.resolve(entry.token_id, required=required, user=user)

        now = self.world.rows.now()
        assert (resolved.integration, resolved.scope, resolved.generation) == (integration, scope, entry.generation)
        assert resolved.expires_at is not None
        assert now < resolved.use_until <= min(resolved.expires_at, now + 60 * MICROSECONDS)
        assert self.world.exchanges[integration].is_alive(resolved.credential) == (not entry.withdrawn)
        entry.expires_at = resolved.expires_at

    @rule(identity=tokens, caller=SCOPES, required=SCOPES)
    def check_scope(self, identity: Identity, caller: Scope, required: Scope) -> None:
        entry = self.entries.get(identity)
        if entry is None:
            return

        answer = self._client(identity[0], caller).check_scope(entry.token_id, required)

        granted = min(caller, identity[3])
        assert (answer.granted, answer.allowed) == (granted, granted >= max(required, identity[3]))

    @rule(target=revoked, identity=consumes(tokens), caller=SCOPES)
    def revoke(self, identity: Identity, caller: Scope) -> object:
        client, _, integration, scope = identity
        entry = self.entries.get(identity)
        if entry is None:
            return multiple()
        if caller < scope:
            with pytest.raises(ScopeMismatchError):
                self._client(client, caller).revoke(entry.token_id)
            return multiple()
        self.deleted.append(self.world.standing(entry.token_id, client))

        answer = self._client(client, caller).revoke(entry.token_id)

        now = self.world.rows.now()
        alive = not entry.withdrawn and now < entry.expires_at
        assert answer.upstream is (Upstream.REVOKED if alive else Upstream.ACCEPTED)
        del self.entries[identity]
        self.dictionary.look_after_relatives(integration, entry.account, now)
        return client, entry.token_id

    @rule(gone=revoked, caller=SCOPES)
    def find_nothing_that_was_revoked(self, gone: tuple[str, str], caller: Scope) -> None:
        client, token_id = gone
        api = self._client(client, caller)
        for ask in (api.resolve, api.revoke, lambda text: api.check_scope(text, Scope.READ)):
            with pytest.raises(TokenNotFoundError):
                ask(token_id)

    @rule(identity=tokens)
    def find_nothing_of_another_client(self, identity: Identity) -> None:
        entry = self.entries.get(identity)
        other = "client-2" if identity[0] == "client-1" else "client-1"
        if entry is not None:
            with pytest.raises(TokenNotFoundError):
                self._client(other, Scope.WRITE).resolve(entry.token_id)

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(user=USERS, integration=INTEGRATIONS)
    def withdraw(self, user: str, integration: str) -> None:
        self.world.exchanges[integration].withdraw(user)
        self.dictionary.withdraw(integration, user)

    @rule()
    def restart(self) -> None:
        self.world.restart()
        # An answer that was kept for a failover, and whose row was revoked since, is revoked once more.
        self.world.sweep()

    @precondition(lambda self: self.deleted)
    @rule()
    def restore_what_was_revoked(self) -> None:
        for row in self.deleted:
            self.world.rows.rows[row.shard, row.binding.token_key] = row
        self.world.restart()
        self.world.sweep()
        self.world.sweep()

    @invariant()
    def there_is_one_row_for_each_connection(self) -> None:
        assert len(self.world.rows.rows) == len(self.entries)

    @invariant()
    def no_refresh_token_is_spent_twice(self) -> None:
        assert self.world.coinbase.counts["reuses"] == 0

    @invariant()
    def nothing_is_left_on_the_disk_and_nothing_alarms(self) -> None:
        # A committed answer stays for a while: a failover may take its commit back.
        assert set(self.world.spooled()) <= {"attempt"}
        assert self.world.log.alarms == []

    def _client(self, name: str, scope: Scope) -> Client:
        return self.world.client(name, scope)


TestService = Service.TestCase
TestService.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
