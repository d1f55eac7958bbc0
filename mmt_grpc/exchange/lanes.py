"""Threads by provider, and single flight by row: one provider's slowness takes no thread of another's."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

THREADS_PER_LANE: Final = 16
LONGEST_QUEUE: Final = 128
HELD: Final = ""
"""The lane of a key whose work is kept from starting."""


class Lanes:
    """Runs work keyed by row in its provider's lane; a key that runs already is not started again."""

    def __init__(self, *, threads: int = THREADS_PER_LANE, longest_queue: int = LONGEST_QUEUE) -> None:
        self._threads = threads
        self._longest_queue = longest_queue
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._running: dict[bytes, str] = {}
        self._lock = threading.Condition()
        self._closed = False

    def is_running(self, key: bytes) -> bool:
        """Whether work of this key is under way or queued."""
        with self._lock:
            return key in self._running

    def count(self) -> int:
        """Return how much is under way or queued."""
        with self._lock:
            return len(self._running)

    def start(self, lane: str, key: bytes, work: Callable[[], None]) -> bool:
        """Run `work` soon; False if its key runs already, or the lane is full or closed.

        Raises `RuntimeError` if no thread is to be had: it does not run then.
        """
        with self._lock:
            queued = sum(1 for running in self._running.values() if running == lane)
            if self._closed or key in self._running or queued >= self._longest_queue:
                return False
            self._running[key] = lane
            executor = self._lanes.get(lane)
            if executor is None:
                executor = self._lanes[lane] = ThreadPoolExecutor(self._threads, thread_name_prefix=f"lane-{lane}")
            let_go = threading.Event()
            try:
                future = executor.submit(self._work, work, let_go)
            except RuntimeError:
                # The executor has queued it all the same, for a thread that it has or may have later.
                let_go.set()
                self._end(key)
                raise
        future.add_done_callback(lambda _: self._end(key))
        return True

    def _work(self, work: Callable[[], None], let_go: threading.Event) -> None:
        with self._lock:
            # Who starts it holds the lock until it is known whether it could be.
            if let_go.is_set():
                return
        work()

    @contextlib.contextmanager
    def held(self, key: bytes) -> Iterator[bool]:
        """Keep a key's work from starting for the length of the block; False if it runs already."""
        with self._lock:
            held = key not in self._running
            if held:
                self._running[key] = HELD
        try:
            yield held
        finally:
            if held:
                self._end(key)

    def _end(self, key: bytes) -> None:
        with self._lock:
            self._running.pop(key, None)
            self._lock.notify_all()

    def is_idle(self, seconds: float) -> bool:
        """Wait until nothing is under way or queued; False if there still is after so long."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._running, seconds)

    def close(self) -> None:
        """Take nothing new and wait for what runs."""
        with self._lock:
            self._closed = True
            lanes = list(self._lanes.values())
        for executor in lanes:
            executor.shutdown(wait=True)
