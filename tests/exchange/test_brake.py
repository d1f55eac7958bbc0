"""A mass of refused refreshes stops further ones until trials succeed."""

import pytest

from mmt_grpc.domain.errors import Reason
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.brake import FEWEST_ACCOUNTS, FIRST_PAUSE, SPAN, TRIALS
from mmt_grpc.exchange.circuit import LONGEST_PAUSE, CircuitState
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import DEAD, REFUSED_GRANT, SECOND, PacingWorld, admitted, ends


@pytest.fixture
def world() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(world: PacingWorld) -> Pacing:
    return world.replica()


def refuses(pacing: Pacing, accounts: int) -> None:
    for number in range(accounts):
        ends(pacing, REFUSED_GRANT, key=number.to_bytes(32))


def brakes(pacing: Pacing) -> bool:
    return pacing.state("uphold").brake is not CircuitState.CLOSED


class TestOpening:
    def test_many_accounts_refused_open_it_with_an_alarm(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS - 1)
        assert not brakes(pacing)

        ends(pacing, REFUSED_GRANT, key=b"one more")

        refusal = pacing.admit("uphold", demand=True, account=b"k")
        assert isinstance(refusal, Refused)
        assert refusal.reason is Reason.PROVIDER_UNAVAILABLE
        assert FIRST_PAUSE // 2 <= refusal.wait <= FIRST_PAUSE
        assert world.log.alarms == ["provider_refuses_many_grants"]
        assert pacing.state("uphold").breaker is CircuitState.CLOSED
        assert world.gauge.told == [("uphold", True)]
        assert pacing.wait("uphold") == refusal.wait

    def test_one_account_refused_often_does_not(self, pacing: Pacing) -> None:
        ends(pacing, REFUSED_GRANT, times=10 * FEWEST_ACCOUNTS)

        assert not brakes(pacing)

    def test_a_small_share_does_not(self, pacing: Pacing) -> None:
        ends(pacing, None, times=20 * FEWEST_ACCOUNTS)
        refuses(pacing, FEWEST_ACCOUNTS)
        assert not brakes(pacing)

        refuses(pacing, 2)
        assert brakes(pacing)

    def test_what_was_refused_long_ago_does_not_count(self, world: PacingWorld, pacing: Pacing) -> None:
        for number in range(3 * FEWEST_ACCOUNTS):
            world.clock.advance(SPAN // (FEWEST_ACCOUNTS - 2))
            ends(pacing, REFUSED_GRANT, key=number.to_bytes(32))

        assert not brakes(pacing)

    def test_codes_that_are_refused_do_not_count(self, pacing: Pacing) -> None:
        for _ in range(2 * FEWEST_ACCOUNTS):
            admission = pacing.admit("uphold", demand=True)
            assert isinstance(admission, Admission)
            with admission:
                admission.learn(REFUSED_GRANT)

        assert not brakes(pacing)

    def test_new_grants_are_redeemed_all_the_same(self, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)

        assert isinstance(pacing.admit("uphold", demand=True), Admission)

    def test_one_that_an_operator_released_stays_closed(self, world: PacingWorld) -> None:
        believing = world.replica(released=["uphold"])

        refuses(believing, 2 * FEWEST_ACCOUNTS)

        assert not brakes(believing)
        assert world.log.alarms == []


class TestTrials:
    def test_several_in_a_row_close_it(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)
        world.clock.advance(FIRST_PAUSE)
        for _ in range(TRIALS):
            assert brakes(pacing)
            with admitted(pacing) as trial:
                assert trial.is_trial
                assert isinstance(pacing.admit("uphold", demand=True, account=b"k"), Refused)
                trial.learn(None)

        assert not brakes(pacing)
        assert not admitted(pacing).is_trial
        assert world.gauge.told[-1] == ("uphold", False)

    def test_a_refused_one_starts_over_after_a_longer_pause(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)
        world.clock.advance(FIRST_PAUSE)
        ends(pacing, None, times=TRIALS - 1)
        ends(pacing, REFUSED_GRANT)

        assert FIRST_PAUSE <= pacing.wait("uphold") <= 2 * FIRST_PAUSE
        world.clock.advance(2 * FIRST_PAUSE)
        ends(pacing, REFUSED_GRANT)
        assert 2 * FIRST_PAUSE <= pacing.wait("uphold") <= 4 * FIRST_PAUSE
        world.clock.advance(LONGEST_PAUSE)
        ends(pacing, None, times=TRIALS)
        assert not brakes(pacing)
        assert len(world.log.alarms) == 1

    def test_one_that_was_not_answered_shows_nothing(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)
        world.clock.advance(FIRST_PAUSE)
        ends(pacing, DEAD)
        ends(pacing, None, times=TRIALS)

        assert not brakes(pacing)

    def test_after_it_closed_the_same_accounts_count_anew(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)
        world.clock.advance(FIRST_PAUSE)
        ends(pacing, None, times=TRIALS)

        refuses(pacing, FEWEST_ACCOUNTS - 1)

        assert not brakes(pacing)

    def test_the_gauge_falls_only_when_breaker_and_brake_are_closed(self, world: PacingWorld, pacing: Pacing) -> None:
        refuses(pacing, FEWEST_ACCOUNTS)
        world.clock.advance(FIRST_PAUSE)
        ends(pacing, DEAD, times=5)
        world.clock.advance(10 * SECOND)
        ends(pacing, None)
        assert pacing.state("uphold").breaker is CircuitState.CLOSED
        assert world.gauge.told[-1] == ("uphold", True)

        ends(pacing, None, times=TRIALS - 1)

        assert world.gauge.told[-1] == ("uphold", False)
