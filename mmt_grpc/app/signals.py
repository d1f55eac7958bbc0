"""Signals as flags, and a descriptor that wakes a selector when one comes."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """`stopping` after SIGTERM or an interrupt, `reloading` after SIGHUP (whoever acts on it clears it)."""

    def __init__(self) -> None:
        self.stopping = False
        self.reloading = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[int]:
        """Catch the signals for the length of the block; yields a descriptor that is readable once one has come."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        earlier = {number: signal.signal(number, self._stop) for number in STOPPING}
        earlier[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._reload)
        former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(former)
            for number, handler in earlier.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self.stopping = True

    def _reload(self, number: int, frame: object) -> None:
        del number, frame
        self.reloading = True
