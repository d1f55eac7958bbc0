"""A few users' refusals that explain nothing hold up nobody else; an outage still does."""

import pytest

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.breaker import FEWEST, IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import DEAD, REFUSED_US, PacingWorld, admitted, ends, error

ODD = ProviderError(Failure.NOT_CONSUMED, integration="uphold", unexplained=True)


@pytest.fixture
def world() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(world: PacingWorld) -> Pacing:
    return world.replica()


def test_odd_refusals_in_a_row_and_in_mass_do_not_open_the_breaker(pacing: Pacing) -> None:
    for number in range(max(FEWEST, IN_A_ROW) + 1):
        ends(pacing, ODD, key=number.to_bytes(32))

    assert pacing.state("uphold").breaker is CircuitState.CLOSED
    assert pacing.hindrance("uphold", demand=True, account=b"k") is None


def test_neither_do_those_of_look_ups(pacing: Pacing) -> None:
    for _ in range(IN_A_ROW):
        admission = pacing.admit_probe("uphold")
        assert not isinstance(admission, Refused)
        with admission:
            admission.learn(ODD)

    assert pacing.state("uphold").lookups is CircuitState.CLOSED


def test_they_do_not_end_a_row_of_failures(pacing: Pacing) -> None:
    for _ in range(IN_A_ROW):
        ends(pacing, ODD)
        ends(pacing, DEAD)

    assert pacing.state("uphold").breaker is CircuitState.OPEN


def test_a_trial_that_ends_so_shows_nothing(world: PacingWorld, pacing: Pacing) -> None:
    ends(pacing, DEAD, times=IN_A_ROW)
    world.clock.advance(pacing.wait("uphold"))
    ends(pacing, ODD)

    assert pacing.state("uphold").breaker is CircuitState.HALF_OPEN
    assert admitted(pacing).is_trial


@pytest.mark.parametrize("outcome", [REFUSED_US, error(Failure.NOT_CONSUMED), error(Failure.AMBIGUOUS)])
def test_our_own_outage_and_the_providers_still_count(pacing: Pacing, outcome: ProviderError) -> None:
    for _ in range(IN_A_ROW):
        if pacing.hindrance("uphold", demand=True) is None:
            ends(pacing, outcome)

    assert pacing.state("uphold").breaker is CircuitState.OPEN
