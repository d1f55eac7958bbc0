"""A provider that fails is left alone for a while, and tried with single requests."""

import pytest

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.breaker import FEWEST, FIRST_PAUSE, IN_A_ROW, OUR_OUTAGE_PAUSE, SPAN
from mmt_grpc.exchange.circuit import LONGEST_PAUSE, LONGEST_TRIAL, CircuitState
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import (
    DEAD,
    LIMITED,
    REFUSED_GRANT,
    REFUSED_US,
    SECOND,
    PacingWorld,
    admitted,
    ends,
    error,
)


@pytest.fixture
def world() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(world: PacingWorld) -> Pacing:
    return world.replica()


def refused(pacing: Pacing, integration: str = "uphold") -> Refused:
    refusal = pacing.admit(integration, demand=True, account=b"k")
    assert isinstance(refusal, Refused)
    return refusal


def breaks(pacing: Pacing) -> Refused:
    ends(pacing, DEAD, times=IN_A_ROW)
    return refused(pacing)


class TestOpening:
    @pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.AMBIGUOUS, Failure.NOT_CONSUMED])
    def test_failures_in_a_row_open_it(self, world: PacingWorld, pacing: Pacing, failure: Failure) -> None:
        ends(pacing, error(failure), times=IN_A_ROW - 1)
        assert pacing.state("uphold").breaker is CircuitState.CLOSED

        ends(pacing, error(failure))

        refusal = refused(pacing)
        assert refusal.reason is Reason.PROVIDER_UNAVAILABLE
        assert FIRST_PAUSE // 2 <= refusal.wait <= FIRST_PAUSE
        assert pacing.state("uphold").reason == "failures"
        assert world.log.named("breaker_opened") == [{"integration": "uphold", "reason": "failures"}]
        assert world.gauge.told == [("uphold", True)]

    @pytest.mark.parametrize("outcome", [None, REFUSED_GRANT])
    def test_an_answer_in_between_keeps_it_closed(self, pacing: Pacing, outcome: ProviderError | None) -> None:
        ends(pacing, outcome, times=IN_A_ROW)
        for _ in range(3):
            ends(pacing, DEAD, times=IN_A_ROW - 1)
            ends(pacing, outcome, times=IN_A_ROW)

        assert pacing.state("uphold").breaker is CircuitState.CLOSED

    def test_a_high_share_of_failures_opens_it(self, pacing: Pacing) -> None:
        for _ in range(FEWEST // 2):
            ends(pacing, None)
            ends(pacing, DEAD)

        assert pacing.state("uphold").breaker is CircuitState.OPEN

    def test_failures_of_long_ago_do_not_count(self, world: PacingWorld, pacing: Pacing) -> None:
        for _ in range(FEWEST):
            world.clock.advance(SPAN // 10)
            ends(pacing, None)
            ends(pacing, DEAD)

        assert pacing.state("uphold").breaker is CircuitState.CLOSED

    def test_a_limit_is_no_failure(self, pacing: Pacing) -> None:
        for number in range(2 * IN_A_ROW):
            ends(pacing, LIMITED, key=bytes([number]))

        assert pacing.state("uphold").breaker is CircuitState.CLOSED

    def test_a_refused_grant_is_no_failure_of_the_provider(self, pacing: Pacing) -> None:
        ends(pacing, REFUSED_GRANT, times=2 * IN_A_ROW)

        assert pacing.state("uphold").breaker is CircuitState.CLOSED

    def test_one_provider_is_not_another(self, pacing: Pacing) -> None:
        breaks(pacing)

        assert pacing.hindrance("coinbase", demand=True) is None

    def test_codes_are_not_sent_to_it_either(self, pacing: Pacing) -> None:
        breaks(pacing)

        assert isinstance(pacing.admit("uphold", demand=True), Refused)


class TestOurOutage:
    def test_it_opens_at_once_with_one_alarm(self, world: PacingWorld, pacing: Pacing) -> None:
        under_way = [admitted(pacing) for _ in range(3)]
        for admission in under_way:
            admission.learn(REFUSED_US)
            admission.close()

        assert OUR_OUTAGE_PAUSE // 2 <= refused(pacing).wait <= OUR_OUTAGE_PAUSE
        assert pacing.state("uphold").reason == "our_outage"
        assert world.log.alarms == ["provider_refuses_our_client"]

    def test_trials_that_find_it_unchanged_raise_no_other_alarm(self, world: PacingWorld, pacing: Pacing) -> None:
        ends(pacing, REFUSED_US)
        for _ in range(4):
            world.clock.advance(LONGEST_PAUSE)
            ends(pacing, REFUSED_US)

        assert len(world.log.alarms) == 1

    def test_after_it_was_mended_the_next_one_is_told_again(self, world: PacingWorld, pacing: Pacing) -> None:
        ends(pacing, REFUSED_US)
        world.clock.advance(OUR_OUTAGE_PAUSE)
        ends(pacing, None)
        ends(pacing, REFUSED_US)

        assert len(world.log.alarms) == 2

    def test_it_is_told_apart_when_failures_had_opened_it(self, world: PacingWorld, pacing: Pacing) -> None:
        wait = breaks(pacing).wait
        world.clock.advance(wait)
        ends(pacing, REFUSED_US)

        assert pacing.state("uphold").reason == "our_outage"
        assert world.log.alarms == ["provider_refuses_our_client"]


class TestTrials:
    def test_a_single_one_is_let_through_after_the_pause(self, world: PacingWorld, pacing: Pacing) -> None:
        wait = breaks(pacing).wait
        world.clock.advance(wait - 1)
        refused(pacing)
        world.clock.advance(1)

        trial = admitted(pacing)

        assert trial.is_trial
        assert pacing.state("uphold").breaker is CircuitState.HALF_OPEN
        assert refused(pacing).wait == SECOND

    def test_its_success_closes(self, world: PacingWorld, pacing: Pacing) -> None:
        world.clock.advance(breaks(pacing).wait)
        ends(pacing, None)

        assert pacing.state("uphold").breaker is CircuitState.CLOSED
        assert pacing.state("uphold").reason is None
        assert not admitted(pacing).is_trial
        assert world.gauge.told[-1] == ("uphold", False)

    def test_its_failure_makes_the_pause_grow_up_to_a_limit(self, world: PacingWorld, pacing: Pacing) -> None:
        wait, pause = breaks(pacing).wait, FIRST_PAUSE
        for _ in range(9):
            assert pause // 2 <= wait <= pause
            world.clock.advance(wait)
            ends(pacing, DEAD)
            wait, pause = refused(pacing).wait, min(2 * pause, LONGEST_PAUSE)
        assert pause == LONGEST_PAUSE

    def test_one_that_showed_nothing_makes_room_for_the_next(self, world: PacingWorld, pacing: Pacing) -> None:
        world.clock.advance(breaks(pacing).wait)
        admitted(pacing).close()

        assert admitted(pacing).is_trial

    def test_a_limit_shows_nothing(self, world: PacingWorld, pacing: Pacing) -> None:
        world.clock.advance(breaks(pacing).wait)
        ends(pacing, LIMITED, key=b"other")

        assert pacing.state("uphold").breaker is CircuitState.HALF_OPEN

    def test_one_never_heard_of_again_is_replaced(self, world: PacingWorld, pacing: Pacing) -> None:
        world.clock.advance(breaks(pacing).wait)
        lost = admitted(pacing)
        world.clock.advance(LONGEST_TRIAL)
        ends(pacing, DEAD)

        lost.learn(None)

        assert pacing.state("uphold").breaker is CircuitState.OPEN

    def test_what_was_under_way_before_neither_closes_nor_prolongs(self, world: PacingWorld, pacing: Pacing) -> None:
        early = [admitted(pacing), admitted(pacing)]
        wait = breaks(pacing).wait
        early[0].learn(None)
        early[1].learn(DEAD)

        assert refused(pacing).wait == wait
        assert len(world.log.named("breaker_opened")) == 1
