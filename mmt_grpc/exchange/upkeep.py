"""What keeps a replica honest: it takes part in recoveries, settles what runs no more, follows the ledger, purges."""

import threading
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError, UnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRows, SettlementRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.asking import Asking
from mmt_grpc.exchange.attempt_files import SIZE
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.presence import Presence
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.write_back import StoppedError

SECONDS: Final = 1.0
"""Between two rounds: everybody's leases wait for who takes part in a recovery late."""
BUG_SECONDS: Final = 10.0
ROUNDS_PER_CHECK: Final = 10
ROUNDS_PER_LOOK_BACK: Final = 60
"""Rounds between comparisons that look back for entries which the ledger's other writers committed late."""
ROUNDS_PER_PURGE: Final = 3600
FIRST_PURGE: Final = 60
"""The round of the first one: a replica that never lives for an hour purges all the same."""
PROOF: Final = "proof"
KEPT: Final = 7 * 86_400 * MICROSECONDS
"""How long a row that says REAUTHENTICATION keeps its refresh token: for the end of an exchange's bad days."""
BATCH: Final = 500
ASKED_AGAIN: Final = MICROSECONDS
STRETCH: Final = MICROSECONDS
"""How long a backlog is purged at a time: everybody's leases wait for who takes part in no recovery meanwhile."""


@dataclass(slots=True, kw_only=True)
class Upkeep:
    """Works until told to stop, and at once when a lost connection is noticed; `owner` is the replica's id."""

    owner: bytes
    rows: SettlementRows
    requests: ConnectRows
    presence: Presence
    guard: RevivalGuard
    comparing: Comparing
    spool: Spool
    disk: Disk
    settling: Settling
    asking: Asking
    recovery: Recovery
    clock: Clock
    stopping: threading.Event
    log: EventLog
    _is_failing: bool = False
    _has_backlog: bool = False

    def keep_honest(self, *, looks_back: bool = False) -> bool:
        """Settle what runs no more, take part in recoveries, follow the ledger, find out whether a disk works again.

        True if the ledger is long, and there is more of it to be compared at once.
        """
        self.prove_disk()
        self.settling.settle_attempts(every=False)
        return self.recovery.step() and self.comparing.step(looks_back=looks_back)

    def finish_asking(self, patience: int) -> None:
        """Go on until each answer was asked about that its provider could be asked about, at most for `patience`.

        Microseconds; raises `StoreUnavailableError`.
        """
        until = self.clock.elapsed() + patience
        while self.asking.is_behind and self.clock.elapsed() < until:
            self.clock.sleep(ASKED_AGAIN)
            self.settling.settle_attempts(every=False)

    def prove_disk(self) -> None:
        """Write and remove a record with the room that an attempt takes, if the disk has refused one."""
        if self.disk.is_trusted:
            return
        try:
            self.spool.put(PROOF, self.owner, b"", room=SIZE)
            self.spool.scrub(PROOF, self.owner)
        except StoreUnavailableError:
            return
        self.disk.mended()

    def purge(self) -> bool:
        """Forget old requests, and refresh tokens that were condemned too long ago for anything to come of them.

        In batches, for a moment; True if there are more.
        """
        until = self.clock.elapsed() + STRETCH
        while True:
            forgotten, erased = self.requests.purge_requests(), self.rows.erase_renewals(KEPT, BATCH)
            if not forgotten and erased < BATCH:
                return False
            if self.stopping.is_set() or self.clock.elapsed() >= until:
                return True

    def run(self) -> None:
        """Work in the background: a recovery of anybody's is looked for each second, the rest less often."""
        rounds, goes_on = 0, False
        while not self.stopping.is_set():
            is_woken = self.recovery.woken.wait(0 if goes_on else SECONDS)
            self.recovery.woken.clear()
            if self.stopping.is_set() or not self.presence.is_ours:
                # What is written under this replica's id may be another life's by now, and running there.
                return
            try:
                goes_on = self._round(rounds + 1, is_woken=is_woken)
                rounds += 1
                self._is_failing = False
            except StoppedError:
                return
            except Exception as error:  # noqa: BLE001  # nobody else settles what this replica is waited for
                goes_on = False
                self._report(error)
                # Each failure is noticed as a loss: the next try is not to follow at once.
                self.stopping.wait(SECONDS if isinstance(error, UnavailableError) else BUG_SECONDS)

    def wake(self) -> None:
        """Have `run` look at once, or return if it is to stop."""
        self.recovery.woken.set()

    def _round(self, number: int, *, is_woken: bool) -> bool:
        """Do what is due, of what takes long a part; True if the next round may follow at once."""
        if self.guard.look() is None:
            raise StoreUnavailableError
        goes_on = False
        if is_woken or number % ROUNDS_PER_CHECK == 0 or self.asking.is_behind:
            goes_on = self.keep_honest(looks_back=number % ROUNDS_PER_LOOK_BACK == 0)
        elif self.recovery.step() and (self.comparing.is_under_way or not self.guard.calm):
            goes_on = self.comparing.step(looks_back=False)
        if self._has_backlog or number % ROUNDS_PER_PURGE == FIRST_PURGE:
            # One that fails is made again in the next round.
            self._has_backlog = True
            self._has_backlog = self.purge()
        return goes_on or self._has_backlog

    def _report(self, error: Exception) -> None:
        """Say that a round failed; of an outage, once."""
        if not isinstance(error, UnavailableError):
            self.log.error("upkeep_failed", error=error)
        elif not self._is_failing:
            self.log.warning("upkeep_failed", reason=error.reason.value)
        self._is_failing = isinstance(error, UnavailableError)
