"""The database's clock: a jump or a node that differs stops leases for a few beats, and never all replicas for ever."""

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.exchange.database_clock import DatabaseClock, Sighting, beyond
from tests.support.fakes_failure import RecordingLog
from tests.support.fakes_world import Client, World

OTHER = b"another-replica-"
BEAT = 10 * MICROSECONDS
START = 1_800_000_000 * MICROSECONDS


class Host:
    """A replica's host beside a database: `shift` moves the database's clock, `wall` the host's own."""

    def __init__(self) -> None:
        self.log, self.doubts = RecordingLog(), list[None]()
        self.clock = DatabaseClock(log=self.log, on_doubt=lambda: self.doubts.append(None))
        self.passed, self.shift, self.wall = 0, 0, 0

    def beat(self, others: int | None = None, *, takes: int = 0) -> bool:
        """Beat; `others` is by how much another replica's database, which has just seen it, is ahead of the truth."""
        now = START + self.passed
        seen = {} if others is None else {OTHER: now + others - MICROSECONDS}
        self.clock.observe(
            Sighting(
                now=now + self.shift,
                others=seen,
                elapsed=(self.passed, self.passed + takes),
                wall=(now + self.wall, now + self.wall + takes),
            )
        )
        self.passed += BEAT + takes
        return self.clock.is_trusted


def test_a_clock_that_goes_on_is_trusted_from_the_first_beat() -> None:
    host = Host()

    assert [host.beat(0) for _ in range(5)] == [True] * 5
    assert host.log.events == []


@pytest.mark.parametrize("seconds", [120, -120, 6, -6])
def test_a_jump_ends_trust_until_two_beats_agree(seconds: int) -> None:
    host = Host()
    host.beat(0)
    host.shift = seconds * MICROSECONDS

    assert [host.beat(host.shift) for _ in range(4)] == [False, False, True, True]
    assert host.log.named("database_clock_differs") == [{"seconds": seconds, "against": "itself"}]
    assert len(host.doubts) == len(host.log.named("database_clock_agrees")) == 1


def test_a_few_seconds_are_tolerated_and_so_is_a_slow_beat() -> None:
    host = Host()
    host.beat(0)
    host.shift = 4 * MICROSECONDS

    assert host.beat(0)
    assert host.beat(0, takes=50 * MICROSECONDS)
    assert host.beat(0)


@pytest.mark.parametrize("minutes", [11, -11])
def test_a_node_that_differs_from_its_host_and_from_the_others_is_not_trusted(minutes: int) -> None:
    host = Host()
    host.shift = minutes * 60 * MICROSECONDS

    assert [host.beat(0) for _ in range(5)] == [False] * 5
    assert len(host.log.named("database_clock_differs")) == 1

    host.shift = 0
    assert [host.beat(0) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("minutes", [11, -11])
def test_another_replicas_node_that_differs_stops_nobody_else(minutes: int) -> None:
    host = Host()

    assert [host.beat(minutes * 60 * MICROSECONDS) for _ in range(5)] == [True] * 5
    assert len(host.log.named("others_database_clock_differs")) == 1


def test_a_host_whose_own_time_of_day_is_wrong_is_no_reason_once_the_others_agree() -> None:
    host = Host()
    host.wall = 3600 * MICROSECONDS

    assert [host.beat(0) for _ in range(4)] == [False, False, True, True]


def test_a_host_that_is_alone_is_contradicted_by_nobody() -> None:
    host = Host()
    host.wall = 3600 * MICROSECONDS

    assert host.beat()


def test_a_replica_that_is_gone_says_nothing_of_the_time() -> None:
    gone, host = START + 3600 * MICROSECONDS, DatabaseClock(log=RecordingLog(), on_doubt=lambda: None)
    for number in range(3):
        at = number * BEAT
        host.observe(Sighting(now=START + at, others={OTHER: gone}, elapsed=(at, at), wall=(START + at, START + at)))

        assert host.is_trusted


def test_what_lies_outside_an_interval_and_its_tolerance_is_measured_from_it() -> None:
    assert [beyond(value * MICROSECONDS, 0, 10 * MICROSECONDS) for value in (-6, -5, 5, 15, 16)] == [
        -6 * MICROSECONDS,
        0,
        0,
        0,
        6 * MICROSECONDS,
    ]


def test_nothing_is_leased_by_a_clock_that_jumped_and_again_after_two_beats(world: World, client: Client) -> None:
    token, engine = client.new_token(), world.life.engine
    world.pass_time(3500)
    engine.heartbeat.beat()
    world.store.clock.shift = 120 * MICROSECONDS
    engine.heartbeat.beat()
    assert engine.recovery.step()

    assert world.refresh(token).progress is Progress.BACKING_OFF
    for _ in range(2):
        world.pass_time(10)
        engine.heartbeat.beat()

    assert world.refresh(token).progress is Progress.STARTED
    assert world.store.installations.recovery == 1


def others_of(*times: int) -> dict[bytes, int]:
    return {bytes([number]) * 16: START + at for number, at in enumerate(times)}


def sighting(now: int, others: dict[bytes, int], *, elapsed: int, wall: int) -> Sighting:
    return Sighting(now=START + now, others=others, elapsed=(elapsed, elapsed), wall=(START + wall, START + wall))


def a_clock() -> DatabaseClock:
    return DatabaseClock(log=RecordingLog(), on_doubt=lambda: None)


def test_at_a_start_by_a_clock_that_is_ahead_of_its_host_nobody_seems_to_have_been_gone_for_long() -> None:
    day = 86_400 * MICROSECONDS
    lately, long_ago, in_the_future = others_of(-5, -SEEN_FOR - 6 * MICROSECONDS, day + 5)
    others = others_of(-5, -SEEN_FOR - 6 * MICROSECONDS, day + 5)

    misdated = a_clock().misdated(sighting(day, others, elapsed=0, wall=0))
    assert misdated == {lately: (START - 5, START + day - 5)}
    assert long_ago not in misdated
    assert in_the_future not in misdated
    assert a_clock().misdated(sighting(day, others, elapsed=0, wall=day)) == {}
    assert a_clock().misdated(sighting(0, others, elapsed=0, wall=day)) == {}


def test_at_a_start_beside_somebody_who_beats_by_the_same_clock_nobody_is_dated_anew() -> None:
    day = 86_400 * MICROSECONDS
    others = others_of(-5, day - 15 * MICROSECONDS)

    assert a_clock().misdated(sighting(day, others, elapsed=0, wall=0)) == {}


def test_whom_another_replica_has_carried_over_a_jump_is_not_carried_over_again() -> None:
    hour, minute = 3600 * MICROSECONDS, 60 * MICROSECONDS
    clock = a_clock()
    clock.observe(sighting(0, others_of(-9 * minute), elapsed=0, wall=0))

    before, after = others_of(-9 * minute), others_of(hour - 9 * minute)
    (owner,) = before
    assert clock.misdated(sighting(hour, before, elapsed=0, wall=0)) == {
        owner: (START - 9 * minute, START + hour - 9 * minute)
    }
    assert clock.misdated(sighting(hour, after, elapsed=0, wall=0)) == {}


def test_a_clock_that_has_just_been_set_back_says_of_nobody_that_he_was_seen_too_late() -> None:
    hour = 3600 * MICROSECONDS
    clock, gone = a_clock(), others_of(-BEAT)
    clock.observe(sighting(0, gone, elapsed=0, wall=0))
    assert clock.is_trusted

    assert clock.misdated(sighting(BEAT - hour, gone, elapsed=BEAT, wall=BEAT)) == {}


def test_a_clock_from_which_those_who_beat_differ_says_so_of_nobody() -> None:
    hour = 3600 * MICROSECONDS
    clock = a_clock()
    clock.observe(sighting(0, others_of(hour, hour), elapsed=0, wall=0))
    seen = sighting(BEAT, others_of(hour, hour + BEAT), elapsed=BEAT, wall=BEAT)
    assert clock.is_trusted

    assert clock.misdated(seen) == {}


def test_whoever_is_seen_in_the_future_is_not_judged_by_a_clock_that_is_not_trusted() -> None:
    day = 86_400 * MICROSECONDS
    clock, gone = a_clock(), others_of(day)
    clock.observe(sighting(day, gone, elapsed=0, wall=0))
    clock.observe(sighting(10, gone, elapsed=10, wall=10))
    assert not clock.is_trusted

    assert clock.misdated(sighting(20, gone, elapsed=20, wall=20)) == {}
    for at in (20, 30):
        clock.observe(sighting(at, gone, elapsed=at, wall=at))
    (owner,) = gone
    assert clock.misdated(sighting(40, gone, elapsed=40, wall=40)) == {owner: (START + day, START + 40)}
