"""What is left of attempts, requests and grants that run no more is settled: at the start, and ever after."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRequest, ConnectRows, SettlementRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.attempt_records import AttemptLog, AttemptRecord
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.records import decode_grant
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.settlement import KEPT, Settlement
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.unkept import GRANT, Unkept

CHECKED_AFTER: Final = 60 * MICROSECONDS
"""How old a committed answer is when its row is looked at once more."""


@dataclass(slots=True, kw_only=True)
class Settling:
    """Settles what this replica's disk and rows still name it for; `wall_clock` gives Unix microseconds."""

    owner: bytes
    life: bytes
    attempts: SettlementRows
    rows: ConnectRows
    requests: Requests
    unkept: Unkept
    spool: Spool
    attempt_log: AttemptLog
    settlement: Settlement
    lanes: Lanes
    disk: Disk
    wall_clock: Callable[[], int]
    log: EventLog
    _checked: set[bytes] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self) -> None:
        """Settle everything of earlier lives, before anything is leased; raises `StoreUnavailableError`."""
        self.settle_attempts(every=True)
        for request in self.rows.pending_requests(self.owner, except_life=self.life):
            self.requests.give_up(request)
        for entry in list(self.spool.entries(GRANT)):
            self._settle_grant(entry.key)

    def settle_attempts(self, *, every: bool) -> bool:
        """Settle the attempts that run no more; True if none is left that waits.

        An answer stays on disk for ten minutes, and is held against its row after one and, with `every`, now: a
        failover may have taken its commit back.
        """
        with self._lock:
            waiting = [record for record in self.attempt_log.records() if not self._settle(record, every=every)]
            for row in self.attempts.named(self.owner):
                self._settle_unrecorded(row)
            return not waiting

    def _settle(self, record: AttemptRecord, *, every: bool) -> bool:
        """Return whether a record needs no further settling now: it is settled, kept for a while, or running."""
        with self.lanes.held(record.intent.token_key) as held:
            return self._settle_held(record, every=every) if held else True

    def _settle_held(self, record: AttemptRecord, *, every: bool) -> bool:
        intent = record.intent
        age = self.wall_clock() - record.written_at
        if record.answer is not None and age < KEPT:
            due = every or (age >= CHECKED_AFTER and intent.attempt_id not in self._checked)
            if not due:
                return True
            self._checked.add(intent.attempt_id)
            return self.settlement.apply(intent, record.answer).is_final
        self._checked.discard(intent.attempt_id)
        return self._settle_for_good(record)

    def _settle_for_good(self, record: AttemptRecord) -> bool:
        try:
            return self.settlement.settle(record)
        except StoreUnavailableError:
            # The disk refuses to forget it: nothing is lost, and the next round tries again.
            self.disk.failed()
            return True

    def _settle_unrecorded(self, seen: TokenRow) -> None:
        """Settle a row that names this replica though its disk holds nothing for it.

        Row and disk are read once no attempt of this process can touch them: one that was sent and has just ended must
        not be taken for one that never was.
        """
        key = seen.binding.token_key
        with self.lanes.held(key) as held:
            row = self.attempts.read(seen.shard, key).row if held else None
            if row is not None and not self._is_recorded(row):
                self.settlement.settle_unrecorded(row)

    def _is_recorded(self, row: TokenRow) -> bool:
        """Whether the disk holds something for the row's present generation; older ones are kept for a failover."""
        return any(
            record.intent.token_key == row.binding.token_key and record.intent.generation >= row.binding.generation
            for record in self.attempt_log.records()
        )

    def _settle_grant(self, key: bytes) -> None:
        try:
            content = self.spool.get(GRANT, key)
        except CredentialUnreadableError:
            # Its epoch is gone, or the disk is bad: nobody can revoke it, and a start must not fail for it.
            self.log.error("grant_unreadable")
            return
        if content is None:
            return
        recorded = self.rows.read_request(decode_grant(content).request_key)
        request = ConnectRequest(key, b"", self.owner, self.life) if recorded is None else recorded.request
        if recorded is not None and recorded.state == "DONE":
            self.unkept.scrub(request)
        else:
            self.unkept.revoke(request)
