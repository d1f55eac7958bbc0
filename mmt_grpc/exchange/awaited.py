"""What has not come to its end: answers, and what a recovery waits for a while, records that cannot be read and answers
whose rows cannot be opened here.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.exchange.attempt_records import Intent, Kept

DISK_AWAITED: Final = 120 * MICROSECONDS
"""For how long a recovery waits for a record that cannot be read: a disk that comes back does so within that.

As long for an answer whose row only other replicas may be able to open: a key that is on its way arrives within that.
"""


@dataclass(slots=True)
class Awaited:
    """Attempts by their ids; times are of CLOCK_BOOTTIME, microseconds. Used under its owner's lock."""

    _unreadable: dict[bytes, int] = field(default_factory=dict)
    """Since when records have not been readable in this life."""
    _shut: dict[bytes, int | None] = field(default_factory=dict)
    """Since when rows have not been openable in this life, None where no other replica can open them either."""
    _unended: dict[bytes, set[bytes]] = field(default_factory=dict)
    """The attempts whose answers have not come to their end, by their tokens."""

    @property
    def unreadable(self) -> Collection[bytes]:
        """The attempts whose records cannot be read."""
        return self._unreadable.keys()

    def note(self, kept: Kept, now: int, *, unread: Collection[bytes]) -> None:
        """Remember what cannot be read since when; what was left `unread` now is as it was.

        A record that was settled long ago counts from its first failed reading all the same: a failover may take back
        what was written of it minutes ago.
        """
        as_before = {attempt_id: since for attempt_id, since in self._unreadable.items() if attempt_id in unread}
        failing = {attempt_id: self._unreadable.get(attempt_id, now) for attempt_id in kept.unreadable}
        self._unreadable = as_before | failing
        self._unended = {}
        for record in kept.records:
            if record.answer is not None:
                self._unended.setdefault(record.intent.token_key, set()).add(record.intent.attempt_id)
        left = {record.intent.attempt_id for record in kept.records}
        self._shut = {
            attempt_id: since for attempt_id, since in self._shut.items() if attempt_id in left or attempt_id in unread
        }

    def ended(self, intent: Intent) -> None:
        """Nothing is left to do for an attempt's answer, if it has one."""
        self._unended.get(intent.token_key, set()).discard(intent.attempt_id)

    def has_answer(self, token_key: bytes) -> bool:
        """Whether an answer of a token has not come to its end: until then the row is to go on to name its holder."""
        return bool(self._unended.get(token_key))

    def shut(self, attempt_id: bytes, since: int | None) -> bool:
        """Remember that an attempt's row cannot be opened; True if that is new."""
        is_new = attempt_id not in self._shut
        self._shut.setdefault(attempt_id, since)
        return is_new

    def opened(self, attempt_id: bytes) -> None:
        """Forget that a row could not be opened."""
        self._shut.pop(attempt_id, None)

    def is_any(self, now: int) -> bool:
        """Whether a record that cannot be read may hold what a failover has just taken back from a row, or one whose
        row cannot be opened here holds what another replica, which can, is about to spend again.

        The row may name nobody then, and whose it is says the record alone: all leases wait for it, but not for ever.
        """
        awaited = (*self._unreadable.values(), *self._shut.values())
        return any(since is not None and now - since < DISK_AWAITED for since in awaited)
