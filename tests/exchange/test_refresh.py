"""Refresh in the engine: one lease, one POST, and an end that is written however often the store goes away."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError, Reason, ReauthenticationRequiredError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Cause
from mmt_grpc.domain.ports.exchanger import CallContext, Progress, RefreshAnswer
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.attempt import LATEST_SEND, LEASE
from mmt_grpc.exchange.backoff import DOUBTFUL
from tests.support.fakes_exchange import (
    INVALID_CLIENT,
    LOST_ANSWER,
    LOST_REQUEST,
    NOT_SENT,
    OUTAGE,
    REFUSED,
    Fault,
    limited,
)
from tests.support.fakes_world import OTHER, THIS, Client, Life, World

CONTEXT = CallContext("call-1", "key-1")


@pytest.fixture
def token(world: World, client: Client) -> str:
    """A token of alice's that has just expired."""
    connected = client.connect("alice", world.coinbase.authorize("alice"))
    world.pass_time(3600)
    return connected.token_id


def ask(world: World, token: str, *, life: Life | None = None, generation: int | None = None) -> RefreshAnswer:
    """Ask a replica for a refresh of the row as it stands."""
    row = world.standing(token)
    return (life or world.life).engine.refresh(
        CONTEXT,
        shard=row.shard,
        token_key=row.binding.token_key,
        generation=row.binding.generation if generation is None else generation,
    )


class TestEndings:
    def test_new_tokens_are_a_new_generation(self, world: World, token: str) -> None:
        before = world.standing(token)

        assert ask(world, token).progress is Progress.STARTED

        row = world.standing(token)
        assert (row.state, row.binding.generation, row.grant_number) == (TokenState.ACTIVE, 2, 1)
        assert row.refreshed_at == world.rows.now()
        assert (row.sealed.access_key, row.sealed.renewal_key) == (before.sealed.access_key, before.sealed.renewal_key)
        assert _has_no_attempt(row)

    @pytest.mark.parametrize("fault", [NOT_SENT, OUTAGE, limited(20), INVALID_CLIENT])
    def test_what_was_not_consumed_leaves_the_row_active_and_alone_for_a_while(
        self, world: World, token: str, fault: Fault
    ) -> None:
        world.coinbase.strike("connect" if fault is NOT_SENT else "refresh", fault)

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.binding.generation, row.failures) == (TokenState.ACTIVE, 1, 1)
        assert row.backs_off(world.rows.now()) > 0
        assert _has_no_attempt(row)
        assert ask(world, token).progress is Progress.BACKING_OFF
        world.pass_time(60)
        assert ask(world, token).progress is Progress.STARTED
        assert world.standing(token).binding.generation == 2

    @pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
    def test_an_unknown_outcome_is_in_doubt_and_nothing_is_sent_again(
        self, world: World, token: str, fault: Fault
    ) -> None:
        world.coinbase.strike("refresh", fault)

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.doubt_owner, row.lease_owner) == (TokenState.IN_DOUBT, None, None)
        assert row.doubt == row.attempt_id is not None
        assert row.backs_off(world.rows.now()) == DOUBTFUL
        for _ in range(5):
            assert ask(world, token).progress is Progress.BACKING_OFF
            world.pass_time(11)
        assert world.coinbase.counts["refreshes"] == int(fault.done)

    @pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
    def test_an_unknown_outcome_is_tried_once_more_when_its_token_is_over(
        self, world: World, token: str, fault: Fault
    ) -> None:
        world.coinbase.strike("refresh", fault)
        ask(world, token)
        world.pass_time(61)

        assert ask(world, token).progress is Progress.STARTED

        row = world.standing(token)
        lost = (TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)
        assert (row.state, row.reason) == (lost if fault.done else (TokenState.ACTIVE, None))
        assert world.coinbase.counts["reuses"] == int(fault.done)

    def test_a_refusal_wants_the_user_back(self, world: World, token: str) -> None:
        world.coinbase.strike("refresh", REFUSED)

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.reason) == (TokenState.REAUTHENTICATION, Cause.PROVIDER_REVOKED)
        assert row.sealed.renewal_blob is not None
        assert ask(world, token).progress is Progress.SETTLED

    def test_a_bug_in_a_providers_client_is_an_alarm_and_ends_in_doubt(
        self, world: World, client: Client, token: str
    ) -> None:
        def bug() -> None:
            raise ZeroDivisionError

        world.coinbase.meanwhile("refresh", bug)
        ask(world, token)
        assert "refresh_failed" in world.log.alarms

        world.clock.advance(LEASE)
        with pytest.raises(ProviderUnavailableError):
            client.resolve(token)
        assert world.standing(token).state is TokenState.IN_DOUBT

    def test_failures_wait_longer_and_longer_and_a_success_forgets_them(self, world: World, token: str) -> None:
        world.coinbase.strike("refresh", OUTAGE, times=12)
        for _ in range(12):
            ask(world, token)
            world.pass_time(301)

        assert world.standing(token).failures == 12
        ask(world, token)
        assert (world.standing(token).failures, world.standing(token).not_before) == (0, None)


class TestLease:
    def test_a_newer_generation_is_settled(self, world: World, token: str) -> None:
        ask(world, token)

        assert ask(world, token, generation=1).progress is Progress.SETTLED

    def test_a_row_that_is_gone_is_not_found(self, world: World, client: Client, token: str) -> None:
        row = world.standing(token)
        client.revoke(token)

        with pytest.raises(TokenNotFoundError):
            world.life.engine.refresh(CONTEXT, shard=row.shard, token_key=row.binding.token_key, generation=1)

    def test_a_row_without_a_refresh_token_is_settled(self, world: World, client: Client) -> None:
        session = client.connect("alice", world.binance.add_user("alice"), integration="binance").token_id

        assert ask(world, session).progress is Progress.SETTLED

    def test_one_that_runs_here_is_running(self, world: World, token: str) -> None:
        world.life.lanes.holds_back = True

        assert [ask(world, token).progress for _ in range(3)] == [
            Progress.STARTED,
            Progress.RUNNING,
            Progress.RUNNING,
        ]
        assert len(world.audit.of("Refresh")) == 1

    def test_one_that_runs_elsewhere_is_running(self, world: World, token: str) -> None:
        other, seen = world.boot(OTHER), list[Progress]()
        world.coinbase.meanwhile("refresh", lambda: seen.append(ask(world, token, life=other).progress))

        ask(world, token)

        assert seen == [Progress.RUNNING]
        assert world.coinbase.counts["refreshes"] == 1

    def test_who_comes_second_to_the_lease_sends_nothing(self, world: World, token: str) -> None:
        other = world.boot(OTHER)
        world.weather.before("lease", lambda: _ignore(ask(world, token, life=other)))

        ask(world, token)

        assert world.coinbase.counts["refreshes"] == 1
        assert world.coinbase.counts["reuses"] == 0
        assert world.standing(token).binding.generation == 2

    def test_a_lapsed_lease_is_in_doubt_and_not_taken_over(self, world: World, token: str) -> None:
        other = world.boot(OTHER)
        world.failpoints.arm("refresh.before_send")
        with pytest.raises(BaseException, match=r"refresh\.before_send"):
            ask(world, token, life=other)
        world.clock.advance(LEASE - 1)
        assert ask(world, token).progress is Progress.RUNNING
        world.clock.advance(1)

        answer = ask(world, token)

        assert (answer.progress, answer.reason) == (Progress.BACKING_OFF, Reason.PROVIDER_UNAVAILABLE)
        row = world.standing(token)
        assert (row.state, row.doubt_owner) == (TokenState.IN_DOUBT, OTHER)
        assert world.coinbase.counts["refreshes"] == 0

    def test_a_late_answer_of_a_lapsed_lease_is_still_the_rows(self, world: World, client: Client, token: str) -> None:
        other = world.boot(OTHER)

        def lapse() -> None:
            world.clock.advance(LEASE)
            assert ask(world, token).progress is Progress.BACKING_OFF

        world.coinbase.meanwhile("refresh", lapse)
        ask(world, token, life=other)

        row = world.standing(token)
        assert (row.state, row.binding.generation, row.doubt, row.doubt_owner) == (TokenState.ACTIVE, 2, None, None)
        assert world.coinbase.is_alive(client.resolve(token).credential)

    @pytest.mark.parametrize(("late", "sent"), [(LATEST_SEND - 1, 1), (LATEST_SEND, 0)])
    def test_a_post_is_written_soon_after_its_lease_or_not_at_all(
        self, world: World, token: str, late: int, sent: int
    ) -> None:
        world.coinbase.meanwhile("connect", lambda: world.clock.advance(late))

        ask(world, token)

        assert world.coinbase.counts["refreshes"] == sent
        assert world.standing(token).state is TokenState.ACTIVE

    def test_the_time_to_send_is_counted_from_before_the_lease_was_asked_for(self, world: World, token: str) -> None:
        world.weather.before("lease", lambda: world.clock.advance(LATEST_SEND))

        ask(world, token)

        assert world.coinbase.counts["refreshes"] == 0


class TestStoreAway:
    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_lease_is_read_back(self, world: World, token: str, *, applied: bool) -> None:
        world.weather.lose("lease", applied=applied)

        ask(world, token)

        assert world.coinbase.counts["refreshes"] == int(applied)
        assert world.standing(token).state is TokenState.ACTIVE

    def test_a_lost_lease_is_read_back_however_long_the_store_is_away(self, world: World, token: str) -> None:
        world.weather.lose("lease", applied=True)
        world.weather.before("lease", lambda: world.weather.refuse("read", times=8))

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)

    @pytest.mark.parametrize("times", [1, 5])
    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_commit_is_read_back_and_repeated_only_if_it_is_not_there(
        self, world: World, token: str, *, applied: bool, times: int
    ) -> None:
        world.weather.lose("commit_refresh", applied=applied, times=times)

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)
        assert world.log.named("refresh") == [{"integration": "coinbase", "outcome": "refreshed"}]
        assert world.coinbase.counts == {"exchanges": 1, "refreshes": 1}

    def test_an_answer_waits_for_a_store_that_is_away(self, world: World, token: str) -> None:
        world.weather.refuse("commit_refresh", times=100)

        ask(world, token)

        assert world.standing(token).binding.generation == 2

    @pytest.mark.parametrize(
        ("method", "operation", "fault", "state"),
        [
            ("release", "refresh", OUTAGE, TokenState.ACTIVE),
            ("doubt", "refresh", LOST_ANSWER, TokenState.IN_DOUBT),
            ("condemn", "refresh", REFUSED, TokenState.REAUTHENTICATION),
        ],
    )
    @pytest.mark.parametrize("applied", [True, False])
    def test_every_other_end_is_read_back_too(
        self, world: World, token: str, *, method: str, operation: str, fault: Fault, state: TokenState, applied: bool
    ) -> None:
        world.coinbase.strike(operation, fault)
        world.weather.lose(method, applied=applied)

        ask(world, token)

        row = world.standing(token)
        assert (row.state, row.failures) == (state, 0 if state is TokenState.REAUTHENTICATION else 1)

    def test_an_attempt_that_cannot_write_its_end_is_let_go_at_the_stop_and_settled_at_the_start(
        self, world: World, token: str
    ) -> None:
        world.weather.before("commit_answer", world.life.parts.stopping.set)
        with world.weather.outage("commit_answer"):
            ask(world, token)
        assert world.standing(token).state is TokenState.REFRESHING

        world.restart()

        row = world.standing(token)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)


class TestAgainstARevoke:
    def test_a_late_answer_is_revoked_upstream_and_the_row_stays_gone(
        self, world: World, client: Client, token: str
    ) -> None:
        world.coinbase.meanwhile("refresh", lambda: _call(lambda: client.revoke(token)))

        with pytest.raises(TokenNotFoundError):
            client.resolve(token)
        world.sweep()

        assert world.rows.rows == {}
        assert world.coinbase.living == 0
        assert world.log.named("late_answer_unwanted") == [{"integration": "coinbase"}]
        assert world.coinbase.counts["revocations"] == 2
        assert world.spooled() == []

    def test_a_late_answer_is_revoked_for_as_long_as_that_fails(self, world: World, client: Client, token: str) -> None:
        world.coinbase.meanwhile("refresh", lambda: _call(lambda: client.revoke(token)))
        world.coinbase.strike("revoke", OUTAGE, times=3)

        with pytest.raises(TokenNotFoundError):
            client.resolve(token)
        assert world.spooled() == ["revocation", "unwanted"]
        for _ in range(6):
            world.sweep()
            world.pass_time(60)

        assert world.spooled() == []
        assert world.coinbase.living == 0

    def test_a_revoke_before_the_lease_means_that_nothing_is_sent(
        self, world: World, client: Client, token: str
    ) -> None:
        world.weather.before("lease", lambda: _call(lambda: client.revoke(token)))

        with pytest.raises(TokenNotFoundError):
            client.resolve(token)

        assert world.coinbase.counts["refreshes"] == 0


class TestRestart:
    def test_an_earlier_lifes_attempt_is_in_doubt_at_once_and_its_owner_named_no_more(
        self, world: World, token: str
    ) -> None:
        world.failpoints.arm("refresh.after_answer")
        with pytest.raises(BaseException, match=r"refresh\.after_answer"):
            ask(world, token)

        world.restart()

        row = world.standing(token)
        assert (row.state, row.doubt, row.doubt_owner) == (TokenState.IN_DOUBT, row.attempt_id, None)
        assert world.log.named("attempt_in_doubt") == [{"integration": "coinbase"}]

    def test_anothers_running_attempt_is_left_alone(self, world: World, token: str) -> None:
        world.coinbase.meanwhile("refresh", lambda: _ignore(world.boot(OTHER)))

        ask(world, token)

        assert world.standing(token).binding.generation == 2

    def test_what_is_in_doubt_is_served_while_it_is_alive(self, world: World, client: Client) -> None:
        token = client.connect("alice", world.coinbase.authorize("alice")).token_id
        world.pass_time(3570)
        world.coinbase.strike("refresh", LOST_REQUEST)

        assert client.resolve(token).generation == 1
        world.pass_time(30)
        with pytest.raises(ProviderUnavailableError) as refusal:
            client.resolve(token)
        assert refusal.value.retry_after > 0

    def test_a_refusal_after_a_doubt_of_another_attempt_is_a_lost_rotation(
        self, world: World, client: Client, token: str
    ) -> None:
        row = world.standing(token)
        leased = world.rows.lease(row, attempt_id=b"1" * 16, owner=OTHER, lease_for=MICROSECONDS)
        assert leased is not None
        assert world.rows.doubt(world.standing(token), attempt_id=b"1" * 16, not_before=0)
        doubted = world.standing(token)
        world.rows.rows[row.shard, row.binding.token_key] = _leased_again(doubted)
        assert world.rows.condemn(world.standing(token), attempt_id=b"2" * 16)

        with pytest.raises(ReauthenticationRequiredError) as refusal:
            client.resolve(token)
        assert refusal.value.cause is Cause.ROTATION_LOST


def _has_no_attempt(row: TokenRow) -> bool:
    return (row.attempt_id, row.lease_owner, row.lease_until, row.doubt, row.doubt_owner) == (None,) * 5


def _leased_again(row: TokenRow) -> TokenRow:
    return replace(row, state=TokenState.REFRESHING, attempt_id=b"2" * 16, lease_owner=THIS)


def _ignore(answer: object) -> None:
    del answer


def _call(call: Callable[[], object]) -> None:
    call()
