"""The `Clock` port on CLOCK_BOOTTIME."""

import time
from typing import Final

_NANOSECONDS: Final = 1_000
_MICROSECONDS: Final = 1_000_000


class BootClock:
    """Elapsed time that goes on while the machine is suspended, in microseconds."""

    def elapsed(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NANOSECONDS

    def sleep(self, microseconds: int) -> None:
        time.sleep(max(0, microseconds) / _MICROSECONDS)
