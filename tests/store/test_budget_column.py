"""What was taken of a rate limit within a window, in one column of 780 bytes."""

import itertools

from mmt_grpc.store import spending
from mmt_grpc.store.spending import ENTRIES, Entry
from tests.store.test_budgets import TERMS, WINDOW


def test_it_has_one_size_and_says_what_was_put_into_it() -> None:
    entries = [Entry(1_800_000_000_000_000 + number, (1 << 32) - 1 - number) for number in range(ENTRIES)]

    for length in (0, 1, ENTRIES):
        column = spending.packed(entries[:length])
        assert len(column) == 780
        assert spending.unpacked(column) == entries[:length]
    assert spending.unpacked(None) == []


def test_one_taken_in_every_bucket_of_a_window_has_room() -> None:
    entries: list[Entry] = []
    for now in range(0, 3 * WINDOW, TERMS.bucket // 3):
        entries = spending.added(spending.recent(entries, now, WINDOW), now, 1, TERMS.bucket)
        assert sum(one.count for one in entries) >= min(now, WINDOW) // (TERMS.bucket // 3) + 1
    assert len(entries) == ENTRIES


def test_where_windows_of_two_widths_leave_no_room_nothing_is_forgotten() -> None:
    entries: list[Entry] = []
    for now in range(200):
        entries = spending.added(spending.recent(entries, now, 1000), now, 1, 1)

    assert len(entries) == ENTRIES
    assert sum(one.count for one in entries) == 200
    assert all(earlier.at < later.at for earlier, later in itertools.pairwise(entries))
