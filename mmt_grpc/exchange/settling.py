"""What is left of attempts, requests and grants that run no more is settled: at the start, and ever after."""

import contextlib
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import (
    CredentialUnreadableError,
    EpochUnknownError,
    RowUnparsableError,
    StoreUnavailableError,
)
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRequest, ConnectRows, SettlementRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.attempt_records import AttemptLog, AttemptRecord, Kept, is_recorded
from mmt_grpc.exchange.awaited import Awaited
from mmt_grpc.exchange.database_clock import Moment
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.records import decode_grant
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.settlement import KEPT, Settlement, Verdict
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.unkept import GRANT, Unkept

CHECKED_AFTER: Final = 60 * MICROSECONDS
"""How long after its lease a committed answer's row is looked at once more."""

_CHUNK: Final = 100
"""Rows that are read at once: one that does not parse has so many looked at one by one."""


@dataclass(slots=True, kw_only=True)
class Settling:
    """Settles what this replica's disk and rows still name it for."""

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
    clock: Clock
    log: EventLog
    _settled: dict[bytes, "_Settled"] = field(default_factory=dict)
    _awaited: Awaited = field(default_factory=Awaited)
    _has_written: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settle_connects(self) -> None:
        """Settle the Connects of earlier lives; raises `StoreUnavailableError`."""
        for request in self.rows.pending_requests(self.owner, except_life=self.life):
            self.requests.give_up(request)
        for entry in list(self.spool.entries(GRANT)):
            self._settle_grant(entry.key)

    def settle_attempts(self, *, every: bool, awaits_disk: bool = True) -> bool:
        """Settle the attempts that run no more; True if none is left that leases have to wait for.

        Those that cannot be read, or whose rows others might open, are waited for only where `awaits_disk`: a failover
        may have taken something back.

        What is settled stays on disk for ten minutes, and is held against its row after one and, with `every`, now: a
        failover may have taken back what was written of it.
        """
        with self._lock:
            now = Moment(self.attempts.now(), self.clock.elapsed())
            unread = () if every else self._kept(now)
            kept = self.attempt_log.read(skip=unread)
            self._awaited.note(kept, now.elapsed, unread=unread)
            past = self._past(kept.records) if every else frozenset[bytes]()
            records = self.settlement.asking.in_turn(kept.records, every=every)
            waiting = [record for record in records if not self._settle(record, now, every=every, past=past)]
            for row in self.attempts.named(self.owner):
                self._settle_unrecorded(row, kept)
            return not waiting and not (awaits_disk and self._awaited.is_any(now.elapsed))

    def _past(self, records: Sequence[AttemptRecord]) -> Collection[bytes]:
        """Return the attempts that their rows have left behind, this replica's name as well.

        Of ten minutes' answers nearly all are: one reading of many rows is as good as a look at each, since a row only
        goes back in a failover, after which all is settled anew.
        """
        rows = self._read_many(sorted({(record.intent.shard, record.intent.token_key) for record in records}))
        return {
            record.intent.attempt_id
            for record in records
            if (row := rows.get(record.intent.token_key)) is not None
            and self.settlement.is_past(row, record.intent)
            and self.owner not in {row.doubt_owner, row.lease_owner}
        }

    def _read_many(self, keys: Sequence[tuple[int, bytes]]) -> Mapping[bytes, TokenRow]:
        """Read rows, but for those that do not parse and a few beside them, which are looked at one by one."""
        rows: dict[bytes, TokenRow] = {}
        for start in range(0, len(keys), _CHUNK):
            with contextlib.suppress(RowUnparsableError):
                rows |= self.attempts.read_many(keys[start : start + _CHUNK])
        return rows

    def unsettled(self) -> int:
        """Return how many attempts that run no more hold an answer, or may, that has not come to its end.

        Nobody waits for them, but whoever throws the disk away loses them.
        """
        with self._lock:
            kept = self.attempt_log.read(skip=self._settled)
        return sum(record.answer is not None for record in kept.records) + len(kept.unreadable)

    def unreadable(self) -> Collection[bytes]:
        """Return the attempts whose records cannot be read now, but may be another day."""
        with self._lock:
            return self.attempt_log.read(skip=self._settled).unreadable

    @property
    def has_written(self) -> bool:
        """Whether this life has brought anything from its disk into a row."""
        return self._has_written

    def _kept(self, now: Moment) -> Collection[bytes]:
        """Return the attempts that are settled, and only kept: at thousands a minute they are not read at each beat."""
        return {attempt_id for attempt_id, settled in self._settled.items() if now.elapsed - settled.at < KEPT}

    def _settle(self, record: AttemptRecord, now: Moment, *, every: bool, past: Collection[bytes]) -> bool:
        """Return whether no other attempt has to end before a record: it is settled, kept for a while, running, or its
        row cannot be opened.
        """
        with self.lanes.held(record.intent.token_key) as held:
            try:
                return self._settle_held(record, now, every=every, past=past) if held else True
            except CredentialUnreadableError:
                self._leave(record, None)
                return True
            except EpochUnknownError as error:
                self._leave(record, now.elapsed if error.may_arrive else None)
                return True
            except RowUnparsableError:
                # Replicas of another version may know what it says.
                self._leave(record, now.elapsed)
                return True

    def _leave(self, record: AttemptRecord, since: int | None) -> None:
        """Leave an answer on disk for the day its row opens; that it waits is said once in a life."""
        if self._awaited.shut(record.intent.attempt_id, since):
            self.log.error("answer_waits_for_unreadable_row", integration=record.intent.integration)

    def _settle_held(self, record: AttemptRecord, now: Moment, *, every: bool, past: Collection[bytes]) -> bool:
        """Settle a record; False if another attempt has to end first. It is kept from when that was done, not before:
        a failover takes back what was written last, however old the attempt is.
        """
        attempt_id = record.intent.attempt_id
        settled = self._settled.get(attempt_id)
        is_over = settled is not None and now.elapsed - settled.at >= KEPT
        if settled is not None and not (every or is_over):
            return True
        if attempt_id in past and not is_over:
            self._awaited.ended(record.intent)
            self._settled.setdefault(attempt_id, _Settled(now.elapsed, record.intent.token_key))
            return True
        verdict, has_written = None, False
        if record.answer is None:
            has_written = self.settlement.settle_intent(record.intent)
        elif every or is_over or now.is_later(record.intent.leased_at, CHECKED_AFTER):
            verdict = self.settlement.settle_answer(record.intent, record.answer)
            has_written = verdict is Verdict.COMMITTED
        else:
            return True
        self._awaited.opened(attempt_id)
        self._has_written |= has_written
        if verdict is None or verdict.is_final:
            self._awaited.ended(record.intent)
            if has_written or settled is None:
                self._settled[attempt_id] = _Settled(now.elapsed, record.intent.token_key)
            self._let_go(record, is_over=is_over and not has_written)
        return verdict is not Verdict.LATER

    def _let_go(self, record: AttemptRecord, *, is_over: bool) -> None:
        """Keep what is settled for a while, without standing in anybody's way but for another answer of its token."""
        if self._awaited.has_answer(record.intent.token_key):
            return
        if not is_over:
            self.settlement.clear(record.intent, unreadable=self._awaited.unreadable)
            return
        try:
            self.settlement.forget(record, unreadable=self._awaited.unreadable)
        except StoreUnavailableError:
            # The disk refuses to forget it: nothing is lost, and the next round tries again.
            self.disk.failed()
        else:
            self._settled.pop(record.intent.attempt_id, None)

    def _settle_unrecorded(self, seen: TokenRow, kept: Kept) -> None:
        """Settle a row that names this replica though its disk tells nothing for it.

        Row and disk are read once no attempt of this process can touch them: one that was sent and has just ended must
        not be taken for one that never was. What has been scrubbed since is asked next time.
        """
        key = seen.binding.token_key
        with self.lanes.held(key) as held:
            row = self.attempts.read(seen.shard, key).row if held else None
            if row is None:
                return
            # Ten minutes' answers are not all read again for one row.
            others = (attempt_id for attempt_id, settled in self._settled.items() if settled.token_key != key)
            known = (record.intent.attempt_id for record in kept.records)
            newer = self.attempt_log.read(skip={*kept.unreadable, *known, *others})
            if not is_recorded(row, (*kept.records, *newer.records)):
                self.settlement.settle_unrecorded(row, {*kept.unreadable, *newer.unreadable})

    def _settle_grant(self, key: bytes) -> None:
        try:
            content = self.spool.get(GRANT, key)
            if content is None:
                return
            request_key = decode_grant(content).request_key
        except (CredentialUnreadableError, ValueError):
            # Its epoch is gone, the disk is bad, or another version wrote it: nobody here can revoke it, and a start
            # must not fail for it.
            self.log.error("grant_unreadable")
            return
        recorded = self.rows.read_request(request_key)
        request = ConnectRequest(key, b"", self.owner, self.life) if recorded is None else recorded.request
        if recorded is not None and recorded.state == "DONE":
            self.unkept.scrub(request)
        else:
            self.unkept.revoke(request)


@dataclass(frozen=True, slots=True)
class _Settled:
    """An attempt of a token that was settled `at` a time of CLOCK_BOOTTIME, microseconds."""

    at: int
    token_key: bytes
