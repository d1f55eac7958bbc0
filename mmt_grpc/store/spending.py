"""What was taken of a rate limit within a sliding window, as one column of fixed size."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.ports.store.budgets import BUCKETS, Terms

ENTRIES: Final = BUCKETS + 1
"""A window that ends within a bucket begins within another one."""
_ENTRY: Final = struct.Struct(">QI")


@dataclass(frozen=True, slots=True)
class Entry:
    """So many were taken in one bucket, the last of them at `at` (database time, microseconds)."""

    at: int
    count: int


def packed(entries: Sequence[Entry]) -> bytes:
    """Return the column; what is not used of it is zero."""
    return b"".join(_ENTRY.pack(one.at, one.count) for one in entries).ljust(ENTRIES * _ENTRY.size, b"\0")


def unpacked(column: bytes | None) -> list[Entry]:
    """Return what a column holds, the oldest first; nothing was taken where it is NULL."""
    return [Entry(at, count) for at, count in _ENTRY.iter_unpack(column or b"") if count]


def recent(entries: Sequence[Entry], now: int, window: int) -> list[Entry]:
    """Return what counts at `now`. It was taken before, even if the clock that said so was ahead of this one."""
    return [Entry(min(one.at, now), one.count) for one in entries if one.at + window >= now]


def left(entries: Sequence[Entry], terms: Terms) -> int:
    """Return how many may still be taken beside recent entries; nothing or less: none."""
    return terms.limit - terms.reserved - sum(one.count for one in entries)


def wait(entries: Sequence[Entry], now: int, terms: Terms) -> int:
    """Return for how long after `now` none may be taken beside recent entries, 0 if one may."""
    if not entries:
        return 0
    until = entries[-1].at + terms.spacing
    room = left(entries, terms)
    for one in entries:
        if room > 0:
            break
        room += one.count
        # What lies a whole window back still counts: both ends of a window are of it.
        until = max(until, one.at + terms.window + 1)
    return max(0, until - now)


def added(entries: Sequence[Entry], now: int, count: int, bucket: int) -> list[Entry]:
    """Return recent entries and what is taken now: in the last one, if that is of the same bucket.

    An entry is never dropped for want of space, which may be short if windows of several widths are in use: the two
    oldest become one, that counts for as long as the younger of them.
    """
    *before, last = entries or [Entry(now, 0)]
    same = last.at // bucket == now // bucket
    after = [*before, Entry(now, last.count + count)] if same else [*before, last, Entry(now, count)]
    while len(after) > ENTRIES:
        after[:2] = [Entry(after[1].at, after[0].count + after[1].count)]
    return after
