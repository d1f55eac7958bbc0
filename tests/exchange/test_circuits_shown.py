"""How each of a provider's circuits stands is shown, and not only that one of them holds something back."""

import pytest

from mmt_grpc.exchange.admission import Admission
from mmt_grpc.exchange.brake import FEWEST_ACCOUNTS, FIRST_PAUSE, TRIALS
from mmt_grpc.exchange.breaker import IN_A_ROW
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import DEAD, REFUSED_GRANT, PacingWorld, admitted, ends

CLOSED = {"grants": "closed", "refusals": "closed", "lookups": "closed"}


@pytest.fixture
def world() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(world: PacingWorld) -> Pacing:
    return world.replica()


def shown(world: PacingWorld) -> dict[str, str]:
    return {circuit: state for (integration, circuit), state in world.gauge.circuits.items() if integration == "uphold"}


def test_failing_grants_are_the_breakers(world: PacingWorld, pacing: Pacing) -> None:
    ends(pacing, DEAD, times=IN_A_ROW)
    assert shown(world) == CLOSED | {"grants": "open"}

    world.clock.advance(pacing.wait("uphold"))
    with admitted(pacing) as trial:
        assert shown(world) == CLOSED | {"grants": "half_open"}
        trial.learn(None)

    assert shown(world) == CLOSED


def test_refused_grants_are_the_brakes(world: PacingWorld, pacing: Pacing) -> None:
    for number in range(FEWEST_ACCOUNTS):
        ends(pacing, REFUSED_GRANT, key=number.to_bytes(32))
    assert shown(world) == CLOSED | {"refusals": "open"}

    world.clock.advance(FIRST_PAUSE)
    for _ in range(TRIALS):
        assert shown(world)["refusals"] != "closed"
        ends(pacing, None)

    assert shown(world) == CLOSED


def test_failing_look_ups_are_their_own(world: PacingWorld, pacing: Pacing) -> None:
    for _ in range(IN_A_ROW):
        admission = pacing.admit_probe("uphold")
        assert isinstance(admission, Admission)
        with admission:
            admission.learn(DEAD)

    assert shown(world) == CLOSED | {"lookups": "open"}


def test_one_that_changes_leaves_the_others_as_they_stand(world: PacingWorld, pacing: Pacing) -> None:
    for number in range(FEWEST_ACCOUNTS):
        ends(pacing, REFUSED_GRANT, key=number.to_bytes(32))
    for _ in range(IN_A_ROW):
        admission = pacing.admit("uphold", demand=True)
        assert isinstance(admission, Admission)
        with admission:
            admission.learn(DEAD)

    assert shown(world) == CLOSED | {"refusals": "open", "grants": "open"}
    assert world.gauge.told[-1] == ("uphold", True)
