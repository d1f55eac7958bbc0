"""A chunk of slots in one process: never used early, never late, never after its time."""

from mmt_grpc.exchange.budget import Rate
from mmt_grpc.exchange.slots import Slot, SlotQueue
from tests.exchange.pacing_world import MINUTE, SECOND, UPHOLD_RATE, PacingWorld


def queue_of(world: PacingWorld, rate: Rate) -> SlotQueue:
    return SlotQueue(name="uphold", spacing=rate.spacing, budgets=world.store, clock=world.clock)


def test_it_opens_no_earlier_and_closes_no_later_than_by_the_databases_clock() -> None:
    world = PacingWorld()
    world.store.lag = SECOND
    queue = queue_of(world, UPHOLD_RATE)
    asked_at = world.clock.elapsed()
    slot = queue.take(patience=0, horizon=0)

    # The database read its clock a second after it was asked, a second before the answer was here.
    assert isinstance(slot, Slot)
    burst = UPHOLD_RATE.spacing.burst(0) * UPHOLD_RATE.spacing.spacing
    assert slot.opens_at == asked_at + 2 * SECOND - burst
    assert slot.closes_at == asked_at - burst + UPHOLD_RATE.spacing.tolerance


def test_what_is_left_of_a_chunk_is_lost_with_its_time_and_a_new_one_leased() -> None:
    world = PacingWorld()
    queue = queue_of(world, Rate(1000, 10))
    assert isinstance(queue.take(patience=0, horizon=SECOND), Slot)
    world.clock.advance(MINUTE)

    slot = queue.take(patience=0, horizon=SECOND)

    assert isinstance(slot, Slot)
    assert world.clock.elapsed() < slot.closes_at
    assert world.store.leases == 2


def test_a_slow_store_is_not_asked_for_slots_that_arrive_too_late() -> None:
    world, rate = PacingWorld(), Rate(23, 10)
    world.store.lag = 243_180
    queue = queue_of(world, rate)

    assert isinstance(queue.take(patience=0, horizon=0), Slot)
    assert world.store.leases == 2


def test_one_that_is_put_back_is_there_again() -> None:
    world = PacingWorld()
    queue = queue_of(world, UPHOLD_RATE)
    slot = queue.take(patience=0, horizon=0)
    assert isinstance(slot, Slot)

    queue.put_back(slot)

    assert queue.take(patience=0, horizon=0) == slot
