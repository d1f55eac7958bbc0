"""Whether the clock of the database that this replica speaks to can be trusted: leases and absences are timed by it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import SEEN_FOR

COMPANY: Final = 20 * MICROSECONDS
"""Who was seen so lately goes on beating."""
NEEDED: Final = 2
"""So many beats that agree end the doubt."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the database's clock says, and CLOCK_BOOTTIME: by this one everything that only this life remembers."""

    database: int
    elapsed: int

    def is_later(self, at: int, after: int) -> bool:
        """Whether a time of the database lies so far back, or was given by a clock that was ahead of this one."""
        return not at - CLOCKS_DIFFER <= self.database < at + after


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one beat showed.

    `now` is the database's time and `others` when it last saw each other replica; `elapsed` and `wall` are this host's
    clocks before and after the beat: CLOCK_BOOTTIME and the time of day. All microseconds, all but `elapsed` Unix time.
    """

    now: int
    others: Mapping[bytes, int]
    elapsed: tuple[int, int]
    wall: tuple[int, int]


class DatabaseClock:
    """Compares beats: with the one before, with those of other replicas, and with this host's time of day.

    One database for all may differ from every host: nobody is harmed. A clock that jumps, or another node that answers,
    shows against CLOCK_BOOTTIME. Of two nodes that differ, the one that its replica's host contradicts is taken to be
    wrong, so that one wrong node does not stop all replicas.
    """

    def __init__(self, *, log: EventLog, on_doubt: Callable[[], None]) -> None:
        """`on_doubt` is told when a doubt begins; it must not wait."""
        self._log = log
        self._on_doubt = on_doubt
        self._last: Sighting | None = None
        self._agreeing = NEEDED
        self._tells_of_others = True
        self._lock = threading.Lock()

    @property
    def is_trusted(self) -> bool:
        """Whether leases may be taken by this clock."""
        return self._agreeing >= NEEDED

    def misdated(self, seen: Sighting) -> Mapping[bytes, tuple[int, int]]:
        """Return, by owner, when replicas were seen that seem to be gone too early, or too late, and what it is to be.

        Too early where the clock has jumped ahead since, or may have before this replica's first beat: how long they
        were away then is to stay as it was. Too late where it was ahead, has been set back, and they have not beaten
        since: now. A clock that is not known to be right says so of nobody, nor one that has just been set back.
        """
        last = self._last
        ahead = beyond(seen.now, *seen.wall) if last is None else _jump(last, seen)
        if ahead > 0:
            # At a first beat somebody who goes on beating has seen to it.
            is_known = last is None and any(seen.now - COMPANY < at <= seen.now for at in seen.others.values())
            return {} if is_known else _present_before(seen, ahead)
        if last is None or ahead or not self.is_trusted or _difference(last, seen):
            return {}
        unmoved = seen.others.items() & last.others.items()
        return {owner: (at, seen.now) for owner, at in unmoved if at > seen.now + CLOCKS_DIFFER}

    def glance(self, now: int, elapsed: tuple[int, int]) -> None:
        """Doubt a clock that has jumped since the last beat: it showed `now` between two readings of CLOCK_BOOTTIME."""
        with self._lock:
            if self._last is None:
                return
            jump = _jump(self._last, Sighting(now, {}, elapsed, (now, now)))
            if jump:
                self._differ(jump, "itself")

    def observe(self, seen: Sighting) -> None:
        """Judge what a beat showed."""
        with self._lock:
            self._observe(seen)

    def _observe(self, seen: Sighting) -> None:
        last, self._last = self._last, seen
        wall = beyond(seen.now, *seen.wall)
        if last is None:
            ahead = max((at - seen.now for at in seen.others.values()), default=0)
            if seen.others and wall:
                # Whether the others agree shows when they beat next.
                self._differ(ahead if ahead > CLOCKS_DIFFER else wall, "host")
            return
        jump = _jump(last, seen)
        others = _difference(last, seen)
        if jump:
            self._differ(jump, "itself")
        elif others and wall:
            self._differ(-others, "others")
        else:
            self._tell_of_others(others)
            self._agree()

    def _differ(self, difference: int, against: str) -> None:
        begins, self._agreeing = self.is_trusted, 0
        if begins:
            self._log.error("database_clock_differs", seconds=round(difference / MICROSECONDS), against=against)
            self._on_doubt()

    def _agree(self) -> None:
        was_trusted = self.is_trusted
        self._agreeing = min(self._agreeing + 1, NEEDED)
        if self.is_trusted and not was_trusted:
            self._log.info("database_clock_agrees")

    def _tell_of_others(self, difference: int) -> None:
        """Say once that others are timed by a clock that differs, though this host bears this one out."""
        if difference and self._tells_of_others:
            self._log.warning("others_database_clock_differs", seconds=round(difference / MICROSECONDS))
        self._tells_of_others = not difference


def _present_before(seen: Sighting, ahead: int) -> Mapping[bytes, tuple[int, int]]:
    """Return who was not gone yet when the clock jumped ahead, and has neither beaten nor been dated anew since."""
    then = seen.now - ahead
    return {
        owner: (at, at + ahead) for owner, at in seen.others.items() if then - SEEN_FOR - CLOCKS_DIFFER < at <= then
    }


def beyond(value: int, earliest: int, latest: int) -> int:
    """Return by how much a value lies outside an interval and the tolerance around it; negative if before, 0 if not."""
    if value > latest + CLOCKS_DIFFER:
        return value - latest
    return value - earliest if value < earliest - CLOCKS_DIFFER else 0


def _jump(last: Sighting, seen: Sighting) -> int:
    """Return by how much more than CLOCK_BOOTTIME the clock went on between two beats, 0 if it did not."""
    shortest, longest = seen.elapsed[0] - last.elapsed[1], seen.elapsed[1] - last.elapsed[0]
    return beyond(seen.now - last.now, shortest, longest)


def _difference(last: Sighting, seen: Sighting) -> int:
    """Return how far ahead the others are: who was seen between two beats was so at a time between theirs."""
    moved = [at for owner, at in seen.others.items() if last.others.get(owner) != at]
    return max((beyond(at, last.now, seen.now) for at in moved), key=abs, default=0)
