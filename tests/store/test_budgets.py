"""Slots of a provider's rate limit: each is given once, whoever asks."""

import contextlib
import itertools
import multiprocessing

import pytest

from mmt_grpc.domain.ports.store import Slots
from mmt_grpc.store import open_store
from tests.store.backends import Backend, Database
from tests.store.material import DAY, MINUTE
from tests.store.test_races import RACERS, race

SPACING = MINUTE
HOUR = 60 * MINUTE
CHUNK = 5
ROUNDS = 6


def ask(
    backend: Backend,
    *,
    integration: str = "uphold",
    count: int = CHUNK,
    spacing: int = SPACING,
    burst: int = 0,
    horizon: int = HOUR,
) -> Slots | None:
    return backend.budgets.lease_slots(integration, count=count, spacing=spacing, burst=burst, horizon=horizon)


def given(backend: Backend, *, burst: int = 0, horizon: int = HOUR) -> Slots:
    slots = ask(backend, burst=burst, horizon=horizon)
    assert slots is not None
    return slots


def after(slots: Slots) -> int:
    return slots.first_at + slots.count * slots.spacing


def test_the_first_slot_is_free_at_once(backend: Backend) -> None:
    before = backend.tokens.now()

    slots = given(backend)

    assert before <= slots.first_at == slots.now <= backend.tokens.now()
    assert (slots.spacing, slots.count) == (SPACING, CHUNK)


def test_the_next_slots_follow_without_a_gap(backend: Backend) -> None:
    first, second, third = (given(backend) for _ in range(3))

    assert second.first_at == after(first)
    assert third.first_at == after(second)


def test_slots_that_nobody_asked_for_are_saved_up_to_the_burst(backend: Backend) -> None:
    given(backend)
    backend.clock.shift = DAY

    slots = given(backend, burst=3)

    assert slots.first_at == slots.now - 3 * SPACING


def test_a_slot_is_not_saved_up_twice(backend: Backend) -> None:
    first = given(backend, burst=3)
    second = given(backend, burst=3)

    assert second.first_at == after(first)


def test_a_short_pause_saves_up_no_more_than_itself(backend: Backend) -> None:
    first = given(backend, burst=10)
    backend.clock.shift = 3 * SPACING

    assert given(backend, burst=10).first_at == after(first)


def test_no_slot_lies_beyond_the_horizon(backend: Backend) -> None:
    first = given(backend, horizon=3 * SPACING)
    assert first.count == 4

    assert ask(backend, horizon=3 * SPACING) is None
    assert given(backend, horizon=HOUR).first_at == after(first)


def test_a_refusal_takes_no_slots(backend: Backend) -> None:
    first = given(backend, horizon=3 * SPACING)
    assert ask(backend, horizon=0) is None
    backend.clock.shift = HOUR

    assert given(backend, burst=60).first_at == after(first)


def test_each_integration_has_a_budget_of_its_own(backend: Backend) -> None:
    given(backend)

    other = ask(backend, integration="coinbase")

    assert other is not None
    assert other.first_at == other.now


def test_a_provider_that_says_when_to_come_back_is_left_alone_until_then(backend: Backend) -> None:
    until = backend.tokens.now() + 30 * SPACING
    backend.budgets.postpone("uphold", until)

    assert ask(backend, horizon=10 * SPACING) is None
    assert given(backend, burst=100).first_at == until


def test_a_postponement_never_brings_slots_forward(backend: Backend) -> None:
    first = given(backend)

    backend.budgets.postpone("uphold", first.now)

    assert given(backend).first_at == after(first)


def test_slots_before_a_postponement_are_not_saved_up(backend: Backend) -> None:
    until = backend.tokens.now() + HOUR
    backend.budgets.postpone("uphold", until)
    backend.clock.shift = HOUR + SPACING

    assert given(backend, burst=100).first_at == until


@pytest.mark.parametrize(("count", "spacing"), [(0, SPACING), (1, 0), (-1, SPACING)])
def test_slots_are_counted_and_spaced_by_one_or_more(backend: Backend, count: int, spacing: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        ask(backend, count=count, spacing=spacing)


def taken(leased: list[Slots]) -> list[int]:
    return sorted(slots.first_at + number * slots.spacing for slots in leased for number in range(slots.count))


def assert_apart(leased: list[Slots]) -> None:
    slots = taken(leased)
    assert len(slots) == sum(one.count for one in leased)
    assert all(later - earlier >= SPACING for earlier, later in itertools.pairwise(slots))


def test_many_threads_never_get_the_same_slot(backend: Backend) -> None:
    def often() -> list[Slots]:
        return [given(backend, horizon=DAY) for _ in range(ROUNDS)]

    outcomes = race(*[often for _ in range(RACERS)])

    leased = [slots for outcome in outcomes if isinstance(outcome, list) for slots in outcome]
    assert len(leased) == RACERS * ROUNDS
    assert_apart(leased)


def lease_from_another_process(url: str) -> list[Slots]:
    def once() -> Slots | None:
        return store.budgets.lease_slots("uphold", count=CHUNK, spacing=SPACING, burst=2, horizon=DAY)

    with contextlib.closing(open_store(url)) as store:
        return [slots for _ in range(10 * ROUNDS) if (slots := once()) is not None]


def test_two_processes_never_get_the_same_slot(opened: Database) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        outcomes = pool.map(lease_from_another_process, [opened.url] * 2, chunksize=1)

    leased = [slots for outcome in outcomes for slots in outcome]
    assert len(leased) == 2 * 10 * ROUNDS
    assert_apart(leased)
