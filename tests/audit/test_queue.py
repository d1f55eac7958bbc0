"""How long a caller waits for its record, and what for."""

import threading

import pytest

from mmt_grpc.audit.queue import MAX_WAITING, Entry, RecordQueue
from mmt_grpc.domain.errors import AuditUnavailableError


class Caller(threading.Thread):
    def __init__(self, queue: RecordQueue, inside: str) -> None:
        super().__init__()
        self._queue = queue
        self._inside = inside
        self.refused: bool | None = None
        self.start()

    def run(self) -> None:
        try:
            self._queue.put(self._inside)
            self.refused = False
        except AuditUnavailableError:
            self.refused = True


def test_a_caller_whose_process_is_slow_waits_on_while_the_disk_is_not() -> None:
    # A clock that stands still: the last record was always settled just now.
    queue = RecordQueue(timeout=0.01, monotonic=lambda: 0.0)
    queue.settle((), written=True)
    caller = Caller(queue, "slow")
    batch = queue.take()
    assert batch is not None
    caller.join(timeout=0.1)
    assert caller.is_alive()

    queue.settle(batch, written=True)
    caller.join()
    assert caller.refused is False


def test_a_caller_gives_up_where_nothing_is_settled() -> None:
    caller = Caller(RecordQueue(timeout=0.01), "stuck")

    caller.join()

    assert caller.refused


def test_who_gave_up_before_the_writer_came_is_not_written() -> None:
    queue = RecordQueue(timeout=0.01)
    Caller(queue, "gone").join()

    assert queue.take() == []


def test_a_record_that_was_not_written_is_refused() -> None:
    queue = RecordQueue(timeout=30.0)
    caller = Caller(queue, "failed")
    batch = queue.take()
    assert batch is not None

    queue.settle(batch, written=False)

    caller.join()
    assert caller.refused


def test_waiting_has_its_limit() -> None:
    queue = RecordQueue(timeout=30.0)
    for _ in range(MAX_WAITING):
        queue._waiting.append(Entry("waiting"))

    with pytest.raises(AuditUnavailableError):
        queue.put("one too many")


def test_what_was_handed_over_before_the_end_is_still_taken() -> None:
    queue = RecordQueue(timeout=30.0)
    caller = Caller(queue, "last")
    while not queue._waiting:
        threading.Event().wait(0.001)
    queue.close()

    batch = queue.take()
    assert batch is not None
    assert [entry.inside for entry in batch] == ["last"]
    queue.settle(batch, written=True)
    caller.join()
    assert caller.refused is False
    assert queue.take() is None
