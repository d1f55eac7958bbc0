"""No window holds more requests than the provider allows, whoever sends them and whenever they come."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmt_grpc.domain.errors import Reason, StoreUnavailableError
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.budget import Rate
from tests.exchange.budget_counts import drain, most_in_a_window
from tests.exchange.pacing_world import LIMITED, MINUTE, SECOND, UPHOLD_RATE, PacingWorld, admitted


@given(
    rate=st.builds(Rate, st.integers(1, 200), st.integers(1, 600)),
    replicas=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    lag=st.integers(0, SECOND),
    lenient=st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_no_window_holds_too_many_whatever_the_arrivals(
    rate: Rate, replicas: int, seed: int, lag: int, *, lenient: bool
) -> None:
    world, chance = PacingWorld(lenient=lenient), random.Random(seed)
    pacings = [world.replica(uphold=rate, places=1000) for _ in range(replicas)]
    sent: list[int] = []
    # Bursts after idle times of every size, and long steady pressure.
    mean = rate.seconds * SECOND / rate.requests
    slack = min(rate.seconds * SECOND // 20, 15 * SECOND)
    for _ in range(400):
        # The store is quick at one time and slow at another.
        world.store.lag = chance.choice([0, min(lag, rate.tolerance * 2 // 5)])
        admission = chance.choice(pacings).admit("uphold", demand=chance.random() < 0.7)
        if isinstance(admission, Admission):
            # From admission to the POST it takes a moment, another one each time.
            sent.append(world.clock.elapsed() + chance.choice([0, slack - 1, chance.randrange(slack)]))
        if chance.random() < 0.6:
            world.clock.advance(int(chance.expovariate(1) * mean * chance.choice([0.01, 0.5, 1, 20])))

    assert most_in_a_window(sent, rate.seconds) <= rate.requests
    assert sent


@pytest.mark.parametrize("rate", [Rate(1, 1), Rate(1, 300), Rate(50, 300), Rate(1000, 1), Rate(10_000, 3600)])
def test_steady_demand_gets_nearly_all_of_the_rate(rate: Rate) -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=rate)
    sent, began = 0, world.clock.elapsed()
    for _ in range(1000):
        admission = pacing.admit("uphold", demand=True)
        if isinstance(admission, Admission):
            admission.close()
            sent += 1
        else:
            world.clock.advance(admission.wait)

    windows = (world.clock.elapsed() - began) / (rate.seconds * SECOND)
    assert sent >= 0.8 * rate.requests * windows


def test_all_of_the_limit_may_be_used_at_once_and_no_more() -> None:
    world = PacingWorld()
    pacings = [world.replica(uphold=UPHOLD_RATE) for _ in range(3)]

    assert drain(pacings[0]) == 50
    assert [drain(pacing) for pacing in pacings] == [0, 0, 0]


def test_fifty_threads_at_once_are_all_admitted_on_an_idle_limit() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE, places=100)
    with ThreadPoolExecutor(50) as pool:
        admissions = list(pool.map(lambda _: pacing.admit("uphold", demand=True), range(50)))

    assert all(isinstance(admission, Admission) for admission in admissions)
    assert isinstance(pacing.admit("uphold", demand=True), Refused)


def test_the_wait_that_a_refusal_names_is_the_right_one() -> None:
    world = PacingWorld()
    pacing, other = (world.replica(uphold=UPHOLD_RATE) for _ in range(2))
    assert drain(pacing) == 50
    refusal = pacing.admit("uphold", demand=True)
    assert isinstance(refusal, Refused)
    assert 300 * SECOND < refusal.wait <= 325 * SECOND
    assert pacing.hindrance("uphold", demand=True) == refusal
    assert other.admit("uphold", demand=True) == refusal

    world.clock.advance(refusal.wait)

    assert isinstance(pacing.admit("uphold", demand=True), Admission)


def test_what_was_taken_comes_back_as_it_leaves_the_window() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    for _ in range(5):
        for _ in range(10):
            admitted(pacing).close()
        world.clock.advance(MINUTE)
    world.clock.advance(25 * SECOND)

    assert drain(pacing) == 10


def test_a_call_waits_for_what_is_soon_to_be_had() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    drain(pacing)
    refusal = pacing.admit("uphold", demand=True)
    assert isinstance(refusal, Refused)
    world.clock.advance(refusal.wait - SECOND)
    began = world.clock.elapsed()

    assert isinstance(pacing.admit("uphold", demand=True), Admission)

    assert 0 < world.clock.elapsed() - began <= 2 * SECOND


def test_what_comes_too_late_from_a_slow_store_is_lost() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    world.store.lag = 5 * SECOND

    assert isinstance(pacing.admit("uphold", demand=True), Refused)
    assert world.store.asked == 1
    world.store.lag = 0
    world.clock.advance(5 * SECOND)
    assert drain(pacing) == 49


class TestChunks:
    RATE = Rate(1000, 300)

    def test_a_large_limit_is_taken_ten_at_a_time(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=self.RATE)

        assert drain(pacing) == 1000
        assert world.store.asked == 101

    def test_what_is_left_of_a_chunk_is_lost_with_its_time(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=self.RATE)
        pacing.admit("uphold", demand=True)
        world.clock.advance(self.RATE.tolerance)

        assert drain(pacing) == 990

    def test_scheduled_work_leaves_a_chunk_to_demand(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=self.RATE)
        pacing.admit("uphold", demand=True)
        world.clock.advance(self.RATE.scheduled.spacing)
        assert isinstance(pacing.admit("uphold", demand=False), Admission)

        asked = world.store.asked
        assert isinstance(pacing.admit("uphold", demand=True), Admission)
        assert world.store.asked == asked


def test_without_a_rate_nothing_is_asked_or_limited() -> None:
    world = PacingWorld()
    pacing = world.replica(places=10_000, uphold=UPHOLD_RATE)

    assert all(isinstance(pacing.admit("coinbase", demand=True), Admission) for _ in range(5000))
    assert world.store.asked == 0


class TestLimits:
    def test_a_limit_holds_all_replicas(self) -> None:
        world = PacingWorld()
        first, second = (world.replica(uphold=UPHOLD_RATE) for _ in range(2))
        admission = first.admit("uphold", demand=True, account=b"k")
        assert isinstance(admission, Admission)
        with admission:
            admission.learn(LIMITED)

        assert first.admit("uphold", demand=True, account=b"other") == Refused(
            Reason.PROVIDER_RATE_LIMITED, 30 * SECOND
        )
        assert drain(second) == 0
        world.clock.advance(27 * SECOND)
        assert (drain(first), drain(second)) == (0, 0)
        world.clock.advance(3 * SECOND)
        assert drain(first) + drain(second) == 49

    def test_it_holds_here_even_if_the_store_cannot_be_told(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=UPHOLD_RATE)
        admission = pacing.admit("uphold", demand=True)
        assert isinstance(admission, Admission)
        world.store.away = True
        admission.learn(LIMITED)

        assert pacing.admit("uphold", demand=True) == Refused(Reason.PROVIDER_RATE_LIMITED, 30 * SECOND)
        assert world.log.named("limit_not_shared") == [{"integration": "uphold", "reason": "STORE_UNAVAILABLE"}]


class TestStoreAway:
    def test_nothing_is_sent_and_every_place_is_given_back(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=UPHOLD_RATE, places=2)
        world.store.away = True
        for _ in range(5):
            with pytest.raises(StoreUnavailableError):
                pacing.admit("uphold", demand=True)

        assert pacing.state("uphold").running == 0
        world.store.away = False
        assert isinstance(pacing.admit("uphold", demand=True), Admission)
