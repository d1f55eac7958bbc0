"""Revoked means revoked: who may, from which state, and in which order ledger, row and audit log are written."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import AuditUnavailableError, ScopeMismatchError, StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Scope, Upstream
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.support.fakes_world import Client, World


class TestChecks:
    def test_a_second_revoke_finds_nothing(self, client: Client, token: str) -> None:
        client.revoke(token)

        with pytest.raises(TokenNotFoundError):
            client.revoke(token)

    def test_another_clients_token_is_not_found_and_stands(self, world: World, client: Client, token: str) -> None:
        with pytest.raises(TokenNotFoundError):
            world.client("client-2").revoke(token)
        assert client.resolve(token).generation == 1

    def test_a_reader_cannot_revoke_a_write_token(self, world: World, client: Client) -> None:
        writing = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

        with pytest.raises(ScopeMismatchError) as refusal:
            world.client(scope=Scope.READ).revoke(writing.token_id)

        assert refusal.value.metadata == {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}
        assert world.row(writing.token_id) is not None
        assert world.ledger.head() == 0

    def test_a_reader_can_revoke_a_read_token(self, world: World, client: Client, token: str) -> None:
        del client
        assert world.client(scope=Scope.READ).revoke(token).upstream is Upstream.REVOKED

    @pytest.mark.parametrize("state", list(TokenState))
    def test_it_works_from_every_state(self, world: World, client: Client, token: str, state: TokenState) -> None:
        row = world.standing(token)
        world.rows.rows[row.shard, row.binding.token_key] = replace(row, state=state, attempt_id=bytes(16))

        client.revoke(token)

        assert world.rows.rows == {}

    def test_the_time_is_the_databases(self, world: World, client: Client, token: str) -> None:
        assert client.revoke(token).revoked_at == world.rows.now()


class TestOrder:
    def test_the_ledger_goes_before_the_row(self, world: World, client: Client, token: str) -> None:
        key = world.standing(token).binding.token_key
        seen: list[bool] = []
        world.weather.before("delete", lambda: seen.append(world.ledger.contains(key)))

        client.revoke(token)

        assert seen == [True]

    def test_without_the_ledger_nothing_is_done(self, world: World, client: Client, token: str) -> None:
        world.weather.refuse("record")

        with pytest.raises(StoreUnavailableError):
            client.revoke(token)

        assert client.resolve(token).generation == 1
        assert world.spooled() == []

    def test_without_an_audit_log_nothing_is_done(self, world: World, client: Client, token: str) -> None:
        world.audit.is_up = False

        with pytest.raises(AuditUnavailableError):
            client.revoke(token)

        world.audit.is_up = True
        assert client.resolve(token).generation == 1
        assert world.ledger.head() == 0

    def test_intent_is_audited_before_the_ledger_and_the_outcome_after_the_row(
        self, world: World, client: Client, token: str
    ) -> None:
        phases: list[list[str]] = []
        world.weather.before("record", lambda: phases.append([record.phase for record in world.audit.of("Revoke")]))
        world.weather.before("delete", lambda: phases.append([record.phase for record in world.audit.of("Revoke")]))

        client.revoke(token)

        assert phases == [["intent"], ["intent"]]
        assert [(record.phase, record.outcome) for record in world.audit.of("Revoke")] == [
            ("intent", None),
            ("outcome", "ok"),
        ]

    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_delete_is_read_back(self, world: World, client: Client, token: str, *, applied: bool) -> None:
        world.weather.lose("delete", applied=applied)

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.rows.rows == {}

    def test_a_refused_delete_is_said_and_finished_by_the_reconciler(
        self, world: World, client: Client, token: str
    ) -> None:
        credential = client.resolve(token).credential
        world.weather.refuse("delete")
        with pytest.raises(StoreUnavailableError):
            client.revoke(token)

        world.pass_time(UNDER_WAY / MICROSECONDS + 1)
        world.life.engine.comparing.reconciling.incrementally()
        world.sweep()

        assert world.rows.rows == {}
        assert not world.coinbase.is_alive(credential)

    def test_a_row_that_moves_is_read_again_and_its_newest_credentials_are_revoked(
        self, world: World, client: Client, token: str
    ) -> None:
        world.pass_time(3600)
        world.weather.before("delete", lambda: client.resolve(token))

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.rows.rows == {}
        assert world.weather.calls["delete"] == 2
        assert world.coinbase.living == 0

    def test_a_connect_that_finishes_it_leaves_nothing_for_it_to_find(
        self, world: World, client: Client, token: str
    ) -> None:
        credential = client.resolve(token).credential
        grant = world.coinbase.authorize("alice")
        world.weather.before("delete", lambda: client.connect("alice", grant))

        with pytest.raises(TokenNotFoundError):
            client.revoke(token)
        world.sweep()

        assert world.row(token) is None
        assert not world.coinbase.is_alive(credential)
        assert len(world.rows.rows) == 1

    def test_a_row_that_never_stands_still_ends_with_the_call_and_is_finished_by_the_reconciler(
        self, world: World, client: Client, token: str
    ) -> None:
        def move() -> None:
            world.clock.advance(MICROSECONDS)
            row = world.standing(token)
            world.rows.rows[row.shard, row.binding.token_key] = replace(row, version=row.version + 1)

        for _ in range(20):
            world.weather.before("delete", move)
        with pytest.raises(DeadlineError):
            client.revoke(token)

        world.restart()
        assert world.rows.rows == {}
