"""Whether the replica's registration is this life's own: under one id, one process alone may settle and lease."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Beaten, Replica, ReplicaBeat, Replicas
from mmt_grpc.exchange.write_back import StoppedError

SILENT_FOR: Final = 25 * MICROSECONDS
"""A life that does not beat for so long is over: it beats every ten seconds."""
GONE_AFTER: Final = 60 * MICROSECONDS
"""One that was not seen for so long is not watched first."""
SEEN_AND_REDATED: Final = 2
"""So many times of its last beat a silent life may show."""
PAUSE: Final = MICROSECONDS


class IdTakenError(StoreUnavailableError):
    """Another life works under this replica's id: a clone of its state directory."""


@dataclass(slots=True, kw_only=True)
class Presence:
    """Takes the registration over from a life that is over, and notices if another life takes it.

    `is_over` says of a life whether it ran on this very state directory, whose lock this process holds: it is dead
    then. `now` returns the database's time; `on_taken` is told when the process has to end.
    """

    owner: bytes
    life: bytes
    replicas: Replicas
    is_over: Callable[[bytes], bool]
    on_taken: Callable[[], None]
    now: Callable[[], int]
    clock: Clock
    stopping: threading.Event
    log: EventLog
    _replaces: bytes | None = None
    _taken: threading.Event = field(default_factory=threading.Event)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else has taken the id."""
        return not self._taken.is_set()

    def beat(self, beat: ReplicaBeat) -> Beaten:
        """Beat; the first time once the life that is registered is over.

        Raises `IdTakenError`, and `StoppedError` if the process is to end while it waits for that.
        """
        if not self.is_ours:
            raise IdTakenError
        if self._replaces is not None:
            beaten = self.replicas.beat(beat, replaces=self._replaces)
        else:
            replaced = self._end_of_predecessor()
            # Another clone may have looked at the same moment: one of both finds another life there than it saw.
            beaten = self.replicas.beat(beat, replaces=replaced)
            # A failover may bring the predecessor's registration back.
            self._replaces = replaced
        if beaten.is_taken:
            self._give_up()
        return beaten

    def _end_of_predecessor(self) -> bytes:
        """Return which life was registered, this one if none was, when it is over; `IdTakenError` if it beats."""
        found, until = self._registered(), self.clock.elapsed() + SILENT_FOR
        if found is None:
            return self.life
        if self._has_ended(found):
            return found.beat.life
        times = {found.seen_at}
        while self.clock.elapsed() < until:
            if self.stopping.is_set():
                raise StoppedError
            self.clock.sleep(PAUSE)
            seen = self._registered()
            if seen is None or seen.seen_at in times:
                continue
            times.add(seen.seen_at)
            # Another replica may have redated a silent one, which happens once: who lives beats again.
            until = self.clock.elapsed() + SILENT_FOR
            if len(times) > SEEN_AND_REDATED or seen.beat.life != found.beat.life:
                self._give_up()
        return found.beat.life

    def _registered(self) -> Replica | None:
        return next((one for one in self.replicas.list() if one.beat.owner == self.owner), None)

    def _has_ended(self, found: Replica) -> bool:
        is_known = found.beat.life == self.life or self.is_over(found.beat.life)
        return is_known or self.now() - found.seen_at >= GONE_AFTER

    def _give_up(self) -> NoReturn:
        if not self._taken.is_set():
            self._taken.set()
            self.log.error("replica_id_taken")
            self.on_taken()
        raise IdTakenError
