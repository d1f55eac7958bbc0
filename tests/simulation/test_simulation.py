"""Whatever a seed has go wrong, no refresh is lost or spent twice; and what is planted in the code is found."""

from collections.abc import Iterator

import pytest

from tests.simulation.planted import PLANTED
from tests.simulation.run import run
from tests.simulation.system_calls import on_simulated_disks

SEEDS = 500
CHUNK = 50
ENOUGH = 3000
"""By which seed a planted fault has to be found; most are within a few hundred."""


@pytest.fixture(autouse=True)
def _disks() -> Iterator[None]:
    end = on_simulated_disks()
    yield
    end()


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_property_holds_whatever_goes_wrong(first: int) -> None:
    results = [run(seed) for seed in range(first, first + CHUNK)]

    assert [(result.seed, result.violation) for result in results if result.violation] == []
    assert sum(result.posts for result in results) > CHUNK
    assert sum(result.struck.total() for result in results) > CHUNK // 2


def test_a_seed_replays_identically() -> None:
    first, second = [[run(seed, hashed=True) for seed in range(20)] for _ in range(2)]

    assert [(result.hash, result.steps) for result in first] == [(result.hash, result.steps) for result in second]
    assert len({result.hash for result in first}) == len(first)


def test_a_trace_changes_nothing() -> None:
    lines: list[str] = []

    for seed in range(5):
        assert run(seed, trace=lines, hashed=True) == run(seed, hashed=True)
    assert any("writes a POST" in line for line in lines)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    with PLANTED[name]():
        found = next((seed for seed in range(ENOUGH) if run(seed, races=True).violation), None)

    assert found is not None


def test_without_a_planted_fault_nothing_is_found_in_the_same_runs() -> None:
    found = [(seed, run(seed, races=True).violation) for seed in range(100)]

    assert [one for one in found if one[1]] == []
