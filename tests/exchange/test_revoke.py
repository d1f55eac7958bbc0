"""Revoked means revoked: whatever runs beside it, dies in it, or is put back after it."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import (
    AuditUnavailableError,
    ScopeMismatchError,
    StoreUnavailableError,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import MICROSECONDS, Grant, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import CallContext, StagedRevocation
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.exchange.reconciling import UNDER_WAY
from tests.support.fakes_exchange import INVALID_CLIENT, LOST_ANSWER, OUTAGE, REFUSED, Fault
from tests.support.fakes_world import OTHER, Client, World


@pytest.fixture
def token(world: World, client: Client) -> str:
    """A token of alice's."""
    return client.connect("alice", world.coinbase.authorize("alice")).token_id


class TestUpstream:
    def test_verified_is_revoked(self, client: Client, token: str) -> None:
        assert client.revoke(token).upstream is Upstream.REVOKED

    @pytest.mark.parametrize("upstream", [Upstream.ACCEPTED, Upstream.UNSUPPORTED])
    def test_what_the_exchange_said_is_what_is_said(
        self, world: World, client: Client, token: str, upstream: Upstream
    ) -> None:
        world.providers["coinbase"].upstream = upstream

        assert client.revoke(token).upstream is upstream
        assert world.spooled() == []

    def test_a_refusal_is_failed_and_tried_again_until_it_is_done(
        self, world: World, client: Client, token: str
    ) -> None:
        credential = client.resolve(token).credential
        world.coinbase.strike("revoke", OUTAGE, times=3)

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}
        assert world.spooled() == ["revocation"]
        for _ in range(8):
            world.sweep()
            world.pass_time(60)

        assert not world.coinbase.is_alive(credential)
        assert world.spooled() == []

    def test_it_is_tried_again_after_a_restart(self, world: World, client: Client, token: str) -> None:
        credential = client.resolve(token).credential
        world.coinbase.strike("revoke", OUTAGE)
        client.revoke(token)

        world.restart()
        world.sweep()
        world.sweep()

        assert not world.coinbase.is_alive(credential)

    def test_retries_become_rarer(self, world: World, client: Client, token: str) -> None:
        world.providers["coinbase"].upstream = Upstream.FAILED
        client.revoke(token)

        for _ in range(24 * 6):
            world.pass_time(600)
            world.life.engine.upstream.sweep()

        tries = len(world.log.named("revoked_upstream"))
        assert 20 < tries < 50
        assert world.spooled() == ["revocation"]

    @pytest.mark.parametrize("fault", [LOST_ANSWER, None])
    def test_with_a_refresh_in_flight_or_in_doubt_it_is_at_most_accepted(
        self, world: World, client: Client, token: str, fault: Fault | None
    ) -> None:
        world.pass_time(3570)
        if fault is None:
            row = world.standing(token)
            world.rows.lease(row, attempt_id=bytes(16), owner=OTHER, lease_for=MICROSECONDS)
        else:
            world.coinbase.strike("refresh", LOST_ANSWER)
            client.resolve(token)
        assert world.standing(token).is_unsettled

        assert client.revoke(token).upstream is Upstream.ACCEPTED
        assert world.rows.rows == {}

    def test_an_exchanger_that_is_down_does_not_keep_the_row(self, world: World, client: Client, token: str) -> None:
        world.life.line.is_up = False

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}

    def test_an_unreadable_row_is_deleted_all_the_same(self, world: World, client: Client, token: str) -> None:
        row = world.standing(token)
        world.rows.rows[row.shard, row.binding.token_key] = replace(
            row, sealed=replace(row.sealed, access_blob=bytes(80), metadata_blob=bytes(80))
        )

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}
        with pytest.raises(TokenNotFoundError):
            client.revoke(token)

    def test_an_integration_configured_no_more_is_failed(self, world: World, client: Client, token: str) -> None:
        del world.providers["coinbase"]

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.spooled() == ["revocation"]


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
        world.weather.before("delete", lambda: _resolve(client, token))

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.rows.rows == {}
        assert world.weather.calls["delete"] == 2
        assert world.coinbase.living == 0

    def test_a_connect_that_finishes_it_leaves_nothing_for_it_to_find(
        self, world: World, client: Client, token: str
    ) -> None:
        credential = client.resolve(token).credential
        grant = world.coinbase.authorize("alice")
        world.weather.before("delete", lambda: _connect(client, grant))

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


class TestRaces:
    def test_of_two_revokes_one_is_told_and_the_newest_credentials_are_what_is_revoked(
        self, world: World, client: Client, token: str
    ) -> None:
        world.pass_time(3600)
        old = world.standing(token)
        told: list[Upstream] = []

        def meanwhile() -> None:
            client.resolve(token)
            world.failpoints.at("revoke.before_upstream", lambda: stale(world))
            told.append(client.revoke(token).upstream)

        def stale(world: World) -> None:
            # The first Revoke's handing over arrives last, with what the row held before the refresh.
            world.life.line.stage_revocation(_context(), _staged(old))

        world.failpoints.at("revoke.after_ledger", meanwhile)
        with pytest.raises(TokenNotFoundError):
            client.revoke(token)

        assert told == [Upstream.REVOKED]
        assert world.coinbase.living == 0

    def test_a_refresh_that_commits_during_a_revoke_is_revoked_with_it(
        self, world: World, client: Client, token: str
    ) -> None:
        world.pass_time(3600)
        world.failpoints.at("revoke.after_stage", lambda: _resolve(client, token))

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.coinbase.living == 0

    def test_a_staged_revocation_whose_row_stands_is_kept_while_the_ledger_names_it(
        self, world: World, client: Client, token: str
    ) -> None:
        row = world.standing(token)
        world.life.line.stage_revocation(_context(), _staged(row))
        world.ledger.record(row.shard, row.binding.token_key)
        for _ in range(8):
            world.pass_time(3600)
            world.life.engine.upstream.sweep()
        assert world.spooled() == ["revocation"]
        assert client.connect("bob", world.coinbase.authorize("bob")).token_id

    def test_a_staged_revocation_that_never_happened_is_dropped_in_the_end(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.line.stage_revocation(_context(), _staged(world.standing(token)))
        world.sweep()
        assert world.spooled() == ["revocation"]

        for _ in range(4):
            world.pass_time(3600)
            world.life.engine.upstream.sweep()

        assert world.spooled() == []
        assert client.resolve(token).generation > 0

    def test_the_background_leaves_a_fresh_one_to_the_worker_that_staged_it(
        self, world: World, client: Client, token: str
    ) -> None:
        world.failpoints.at("revoke.after_delete", lambda: _sweep(world))

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.coinbase.counts["revocations"] == 1


class TestRelatives:
    def test_others_of_the_same_account_that_it_ended_are_noticed_at_once(
        self, world: World, client: Client, token: str
    ) -> None:
        relative = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
        world.coinbase.meanwhile("revoke", lambda: world.coinbase.withdraw("alice"))

        client.revoke(token)

        assert world.standing(relative.token_id).state is TokenState.REAUTHENTICATION

    def test_others_that_live_on_are_left_alone(self, world: World, client: Client, token: str) -> None:
        relative = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

        client.revoke(token)

        assert world.standing(relative.token_id).state is TokenState.ACTIVE
        assert world.coinbase.counts["refreshes"] == 0

    def test_others_that_cannot_be_refreshed_are_not_asked_about(self, world: World, client: Client) -> None:
        login = world.binance.add_user("alice")
        ids = [
            world.client(name).connect("alice", login, integration="binance").token_id
            for name in ("client-1", "client-2")
        ]
        asked: list[str] = []
        world.binance.meanwhile("probe", lambda: asked.append("probe"))

        client.revoke(ids[0])

        assert asked == []
        assert world.standing(ids[1], "client-2").state is TokenState.ACTIVE

    def test_what_is_wrong_with_one_keeps_nobody_from_looking_at_the_next(
        self, world: World, client: Client, token: str
    ) -> None:
        others = [
            world.client(f"client-{number}").connect("alice", world.coinbase.authorize("alice")).token_id
            for number in (2, 3, 4)
        ]
        unreadable = world.standing(others[0], "client-2")
        world.rows.rows[unreadable.shard, unreadable.binding.token_key] = replace(
            unreadable, sealed=replace(unreadable.sealed, access_blob=bytes(80))
        )
        world.coinbase.strike("probe", OUTAGE)
        world.coinbase.meanwhile("revoke", lambda: world.coinbase.withdraw("alice"))

        client.revoke(token)

        assert world.standing(others[2], "client-4").state is TokenState.REAUTHENTICATION
        assert world.standing(others[1], "client-3").state is TokenState.ACTIVE
        assert len(world.log.named("relative_not_probed")) == 2

    @pytest.mark.parametrize("fault", [REFUSED, INVALID_CLIENT])
    def test_looking_after_them_never_fails_the_revoke(
        self, world: World, client: Client, token: str, fault: Fault
    ) -> None:
        client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
        world.coinbase.strike("probe", fault)

        assert client.revoke(token).upstream is Upstream.REVOKED

    def test_a_store_that_is_away_meanwhile_is_a_warning(self, world: World, client: Client, token: str) -> None:
        world.weather.refuse("read_account")

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert len(world.log.named("relatives_not_probed")) == 1


def _connect(client: Client, grant: Grant) -> None:
    client.connect("alice", grant)


def _sweep(world: World) -> None:
    world.life.engine.upstream.sweep()


def _resolve(client: Client, token_id: str) -> None:
    client.resolve(token_id)


def _context() -> CallContext:
    return CallContext("call-1", "key-1")


def _staged(row: TokenRow) -> StagedRevocation:
    return StagedRevocation(row.shard, row.binding, row.sealed, row.account_key, row.is_unsettled)
