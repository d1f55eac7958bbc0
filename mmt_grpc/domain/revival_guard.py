"""Whether the database may have brought revoked rows back: what is read from it in doubt is held against the ledger."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import DatabaseAge, Installations, Ledger

HELD: Final = 60 * MICROSECONDS
"""How long a database that was found to be older stays in doubt at least: a backup comes back table by table, and its
rows after what says how old it is.
"""


class RevivalGuard:
    """Remembers the newest state of the database that this process has seen; shared by its threads.

    `calm` is 0 while there is doubt: at the start, after a lost connection, and when the database turns out to be
    another or an older one. Else it is a number that no earlier calm had. Whoever reads a row notes `calm` before; if
    it was 0 or has changed, `examine` comes before anything that the row says leaves. `signs` counts the reasons for
    doubt, so that a proof that one of them overtakes proves nothing.
    """

    def __init__(
        self,
        *,
        installations: Installations,
        ledger: Ledger,
        clock: Clock,
        log: EventLog,
        on_set_back: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_set_back` is told when the database turns out to be another or an older one; it must not wait."""
        self.calm = 0
        self.signs = 1
        self.is_foreign = False
        """Whether the database belongs to another installation, or to none."""
        self.is_older = False
        """Whether its position in the ledger still lies behind one that it had before."""
        self._installations = installations
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._on_set_back = on_set_back
        self._past: DatabaseAge | None = None
        self._identified = 0
        self._looks = 0
        self._held_until = 0
        self._is_announced = False
        self._lock = threading.Lock()

    @property
    def is_held(self) -> bool:
        """Whether the database was found to be older so lately that more of its rows may be on their way."""
        return self._clock.elapsed() < self._held_until

    def suspect(self) -> None:
        """A connection was lost, or none can be had: what answers next may have lost what was acknowledged."""
        with self._lock:
            self._doubt("connection_lost")

    def has_opened(self, recovery: int) -> None:
        """Take it that this process itself has opened a recovery: no news to it."""
        with self._lock:
            # What is being read may be from before it, and would seem older.
            self._looks += 1
            if self._past is not None:
                # A number below one that was seen is an older database's: the next look is to find that out.
                self._past = replace(self._past, recovery=max(self._past.recovery, recovery))

    def look(self) -> DatabaseAge | None:
        """Compare what the database says of itself with what it said before; None if it is another's.

        Raises `StoreUnavailableError`. No lock is held while it is read, so a reading that another one has overtaken is
        dropped: it would seem older.
        """
        signs, looks = self.signs, self._looks
        age = self._installations.age()
        with self._lock:
            if looks == self._looks:
                self._looks += 1
                self._compare(age)
                self._identified = max(self._identified, signs)
        return None if self.is_foreign else age

    def check(self, calm: int, token_key: bytes | None) -> None:
        """Examine what was read since `calm` was noted, if it was read in doubt; raises as `examine`."""
        if not calm or self.calm != calm:
            self.examine(token_key)

    def examine(self, token_key: bytes | None) -> None:
        """Judge what was read in doubt: a row by its key, or, with None, that there is no row.

        Raises `TokenNotFoundError` if the ledger names the row, `StoreUnavailableError` if the database is another's or
        one of both cannot be asked.
        """
        signs = self.signs
        while self._identified < signs and not self.is_foreign:
            self.look()
        if self.is_foreign:
            raise StoreUnavailableError
        if token_key is not None and self._ledger.contains(token_key):
            raise TokenNotFoundError

    def settle(self, signs: int) -> bool:
        """End the doubt: no row is left that the ledger named when `signs` was read; False if there is new doubt."""
        with self._lock:
            if signs != self.signs or signs > self._identified or self.is_foreign or self.is_older or self.is_held:
                return False
            self.calm = signs
            if self._is_announced:
                self._is_announced = False
                self._log.info("revivals_ruled_out")
        return True

    def _compare(self, age: DatabaseAge | None) -> None:
        past = self._past
        if age is None or (past is not None and age.installation_id != past.installation_id):
            self._see_foreign()
            return
        if self.is_foreign:
            self.is_foreign = False
            self._set_back()
            self._log.warning("database_is_back")
        if past is None:
            self._past = age
            return
        if age.ledger_head < past.ledger_head or age.recovery < past.recovery:
            self._see_older(age, past)
        elif age.recovery > past.recovery:
            self._doubt("recovery_opened")
        self.is_older = age.ledger_head < past.ledger_head
        self._past = replace(age, ledger_head=max(age.ledger_head, past.ledger_head))

    def _see_foreign(self) -> None:
        if not self.is_foreign:
            self.is_foreign = True
            self._set_back()
            self._doubt("database_is_another")
            self._log.error("database_is_another")

    def _see_older(self, age: DatabaseAge, past: DatabaseAge) -> None:
        self._held_until = self._clock.elapsed() + HELD
        if not self.is_older or age.recovery < past.recovery:
            self._set_back()
            self._doubt("database_is_older")
            self._log.error("database_is_older")

    def _set_back(self) -> None:
        self._held_until = self._clock.elapsed() + HELD
        self._on_set_back()

    def _doubt(self, why: str) -> None:
        self.signs += 1
        if self.calm:
            self.calm = 0
            self._is_announced = True
            self._log.warning("revivals_suspected", why=why)
