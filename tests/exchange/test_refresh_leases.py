"""One lease and one POST: who comes second sends nothing, and whose time is over leaves a doubt."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError, Reason, ReauthenticationRequiredError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Cause
from mmt_grpc.domain.ports.exchanger import CallContext, Progress
from mmt_grpc.domain.token_row import LEASE, TokenRow, TokenState
from mmt_grpc.exchange.attempt import LATEST_SEND
from mmt_grpc.providers.options import LONGEST_TIMEOUT
from tests.support.fakes_exchange_faults import LOST_REQUEST
from tests.support.fakes_world import OTHER, THIS, Client, World


class TestLease:
    def test_a_newer_generation_is_settled(self, world: World, expired: str) -> None:
        world.refresh(expired)

        assert world.refresh(expired, generation=1).progress is Progress.SETTLED

    def test_a_row_that_is_gone_is_not_found(self, world: World, client: Client, expired: str) -> None:
        row = world.standing(expired)
        client.revoke(expired)

        with pytest.raises(TokenNotFoundError):
            world.life.engine.refresh(
                CallContext("call-1", "key-1"), shard=row.shard, token_key=row.binding.token_key, generation=1
            )

    def test_a_row_without_a_refresh_token_is_settled(self, world: World, client: Client) -> None:
        session = client.connect("alice", world.binance.add_user("alice"), integration="binance").token_id

        assert world.refresh(session).progress is Progress.SETTLED

    def test_one_that_runs_here_is_running(self, world: World, expired: str) -> None:
        world.life.lanes.holds_back = True

        assert [world.refresh(expired).progress for _ in range(3)] == [
            Progress.STARTED,
            Progress.RUNNING,
            Progress.RUNNING,
        ]
        assert len(world.audit.of("Refresh")) == 1

    def test_one_that_runs_elsewhere_is_running(self, world: World, expired: str) -> None:
        other, seen = world.boot(OTHER), list[Progress]()
        world.coinbase.meanwhile("refresh", lambda: seen.append(world.refresh(expired, life=other).progress))

        world.refresh(expired)

        assert seen == [Progress.RUNNING]
        assert world.coinbase.counts["refreshes"] == 1

    def test_who_comes_second_to_the_lease_sends_nothing(self, world: World, expired: str) -> None:
        other = world.boot(OTHER)
        world.weather.before("lease", lambda: world.refresh(expired, life=other))

        world.refresh(expired)

        assert world.coinbase.counts["refreshes"] == 1
        assert world.coinbase.counts["reuses"] == 0
        assert world.standing(expired).binding.generation == 2

    def test_a_lapsed_lease_is_in_doubt_and_not_taken_over(self, world: World, expired: str) -> None:
        other = world.boot(OTHER)
        world.failpoints.arm("refresh.before_send")
        with pytest.raises(BaseException, match=r"refresh\.before_send"):
            world.refresh(expired, life=other)
        world.clock.advance(LEASE - 1)
        assert world.refresh(expired).progress is Progress.RUNNING
        world.clock.advance(1)

        assert world.refresh(expired).progress is Progress.RUNNING
        answer = world.refresh(expired)

        assert (answer.progress, answer.reason) == (Progress.BACKING_OFF, Reason.PROVIDER_UNAVAILABLE)
        row = world.standing(expired)
        assert (row.state, row.doubt_owner) == (TokenState.IN_DOUBT, OTHER)
        assert world.coinbase.counts["refreshes"] == 0

    def test_a_lapsed_lease_is_put_in_doubt_by_its_providers_lane_and_by_one_thread(
        self, world: World, expired: str
    ) -> None:
        other = world.boot(OTHER)
        world.failpoints.arm("refresh.before_send")
        with pytest.raises(BaseException, match=r"refresh\.before_send"):
            world.refresh(expired, life=other)
        world.clock.advance(LEASE)
        lanes = world.life.lanes
        lanes.holds_back = True

        assert [world.refresh(expired).progress for _ in range(3)] == [Progress.RUNNING] * 3
        assert lanes.count() == 1
        assert world.standing(expired).state is TokenState.REFRESHING
        lanes.let_go()

        assert world.standing(expired).state is TokenState.IN_DOUBT

    def test_a_late_answer_of_a_lapsed_lease_is_still_the_rows(
        self, world: World, client: Client, expired: str
    ) -> None:
        other = world.boot(OTHER)

        def lapse() -> None:
            world.clock.advance(LEASE)
            assert world.refresh(expired).progress is Progress.RUNNING
            assert world.standing(expired).state is TokenState.IN_DOUBT

        world.coinbase.meanwhile("refresh", lapse)
        world.refresh(expired, life=other)

        row = world.standing(expired)
        assert (row.state, row.binding.generation, row.doubt, row.doubt_owner) == (TokenState.ACTIVE, 2, None, None)
        assert world.coinbase.is_alive(client.resolve(expired).credential)

    @pytest.mark.parametrize(("late", "sent"), [(LATEST_SEND - 1, 1), (LATEST_SEND, 0)])
    def test_a_post_is_written_soon_after_its_lease_or_not_at_all(
        self, world: World, expired: str, late: int, sent: int
    ) -> None:
        world.coinbase.meanwhile("connect", lambda: world.clock.advance(late))

        world.refresh(expired)

        assert world.coinbase.counts["refreshes"] == sent
        assert world.standing(expired).state is TokenState.ACTIVE

    def test_no_exchange_that_the_settings_allow_outlives_its_lease(self) -> None:
        assert LATEST_SEND + LONGEST_TIMEOUT * MICROSECONDS <= LEASE

    @pytest.mark.parametrize("statement", ["before", "after"])
    def test_an_outage_that_is_noticed_while_the_lease_is_taken_has_nothing_sent(
        self, world: World, expired: str, statement: str
    ) -> None:
        # What a connection that had to be opened for the lease says of the database: it may have lost another's lease.
        notice = world.life.parts.losses.happened
        if statement == "before":
            world.weather.before("lease", notice)
        else:
            world.failpoints.at("refresh.before_send", notice)

        world.refresh(expired)

        row = world.standing(expired)
        assert (world.coinbase.counts["refreshes"], row.state, row.last_failure) == (0, TokenState.ACTIVE, "held_back")
        world.life.beat()
        world.pass_time(60)
        world.refresh(expired)
        assert (world.coinbase.counts["refreshes"], world.coinbase.counts["reuses"]) == (1, 0)

    def test_the_time_to_send_is_counted_from_before_the_lease_was_asked_for(self, world: World, expired: str) -> None:
        world.weather.before("lease", lambda: world.clock.advance(LATEST_SEND))

        world.refresh(expired)

        assert world.coinbase.counts["refreshes"] == 0


class TestRestart:
    def test_an_earlier_lifes_attempt_is_in_doubt_at_once_and_its_owner_named_no_more(
        self, world: World, expired: str
    ) -> None:
        world.failpoints.arm("refresh.after_answer")
        with pytest.raises(BaseException, match=r"refresh\.after_answer"):
            world.refresh(expired)

        world.restart()

        row = world.standing(expired)
        assert (row.state, row.doubt, row.doubt_owner) == (TokenState.IN_DOUBT, row.attempt_id, None)
        assert world.log.named("attempt_in_doubt") == [{"integration": "coinbase"}]

    def test_anothers_running_attempt_is_left_alone(self, world: World, expired: str) -> None:
        world.coinbase.meanwhile("refresh", lambda: world.boot(OTHER))

        world.refresh(expired)

        assert world.standing(expired).binding.generation == 2

    def test_what_is_in_doubt_is_served_while_it_is_alive(self, world: World, client: Client, token: str) -> None:
        world.pass_time(3570)
        world.coinbase.strike("refresh", LOST_REQUEST)

        assert client.resolve(token).generation == 1
        world.pass_time(30)
        with pytest.raises(ProviderUnavailableError) as refusal:
            client.resolve(token)
        assert refusal.value.retry_after > 0

    def test_a_refusal_after_a_doubt_of_another_attempt_is_a_lost_rotation(
        self, world: World, client: Client, expired: str
    ) -> None:
        row = world.standing(expired)
        leased = world.rows.lease(row, attempt_id=b"1" * 16, owner=OTHER, lease_for=MICROSECONDS)
        assert leased is not None
        assert world.rows.doubt(world.standing(expired), attempt_id=b"1" * 16, not_before=0)
        doubted = world.standing(expired)
        world.rows.rows[row.shard, row.binding.token_key] = _leased_again(doubted)
        assert world.rows.condemn(world.standing(expired), attempt_id=b"2" * 16)

        with pytest.raises(ReauthenticationRequiredError) as refusal:
            client.resolve(expired)
        assert refusal.value.cause is Cause.ROTATION_LOST


def _leased_again(row: TokenRow) -> TokenRow:
    return replace(row, state=TokenState.REFRESHING, attempt_id=b"2" * 16, lease_owner=THIS)
