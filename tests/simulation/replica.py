"""A replica: a name and a disk that stay, while its lives come and go."""

from typing import Final

from mmt_grpc.exchange.attempt_reading import ANSWER_AT
from tests.simulation.attempt import Attempt
from tests.simulation.disk import File, SimulatedDisk
from tests.simulation.life import Life
from tests.simulation.world import World

BACK_AFTER: Final = 5_000_000
"""How long a replica is away that dies with an answer on its disk, microseconds."""


class Replica:
    """What survives: a name and a disk."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.owner = f"replica-{number}".ljust(16, "-").encode()
        self.name = f"r{number}"
        self.disk = SimulatedDisk(scheduler=world.scheduler, on_sync=self._synced)
        self.lives = 0
        self.life: Life | None = None
        self.is_gone = False
        self.stands_still_next = 0
        """Microseconds for which it will be stopped with the next answer that has come to its disk, told to nobody."""

        self.spoils_next = 0
        """Microseconds for which the next answer that has come to its disk will not be readable."""
        self.dies_of_it = False

        self.lags_next = 0
        """Microseconds for which the next life's keyring will lack the rows' newest key."""
        self.answers_left = 0
        """How many answers come to its disk before that one ends."""
        self.lags_until = 0

    def boot(self) -> None:
        """Start the next life, if the machine is there and none is running."""
        if self.is_gone or (self.life is not None and not self.life.is_dead):
            return
        self.lives += 1
        if self.lags_next and not self.answers_left:
            now = self.world.scheduler.now
            self.lags_until, self.lags_next = now + self.lags_next, 0
            self.world.oracle.shut.append((self.owner, now, self.lags_until))
        self.life = Life(self)
        self.life.start()

    def _synced(self, disk: SimulatedDisk, file: File) -> None:
        kind, _, key = file.name.removesuffix(".record").partition("-")
        if kind == "attempt" and len(file.durable) > ANSWER_AT + 4 and any(file.durable[ANSWER_AT : ANSWER_AT + 4]):
            attempt = self.world.oracle.attempts.get(bytes.fromhex(key))
            if attempt is not None:
                attempt.is_persisted = True
                if self.stands_still_next and self.life is not None:
                    self.life.stopped_until = self.world.scheduler.now + self.stands_still_next
                    self.stands_still_next = 0
                self._spoil(file, attempt)
                self._fall_behind()
        del disk

    def _fall_behind(self) -> None:
        if not self.answers_left or self.life is None:
            return
        self.answers_left -= 1
        if not self.answers_left:
            self._end(self.life)

    def _end(self, life: Life) -> None:
        life.is_dead = True
        self.world.scheduler.at(self.world.scheduler.now + BACK_AFTER, self.boot)

    def _spoil(self, file: File, attempt: Attempt) -> None:
        if not self.spoils_next or self.life is None:
            return
        scheduler = self.world.scheduler
        file.bad_until, self.spoils_next = scheduler.now + self.spoils_next, 0
        attempt.is_unreadable = (scheduler.now, file.bad_until)
        if self.dies_of_it:
            self._end(self.life)
