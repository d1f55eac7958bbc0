"""How long things take here: CLOCK_BOOTTIME, never the wall clock."""

from typing import Final, Protocol

from mmt_grpc.domain.model import MICROSECONDS

CLOCKS_DIFFER: Final = 5 * MICROSECONDS
"""By so much the clocks of a database's nodes may differ. A time of the database that lies further ahead was given by a
clock that was wrong, or is set back since.
"""


class Clock(Protocol):
    """Elapsed time and waiting, in microseconds; what time it is, only the database says."""

    def elapsed(self) -> int:
        """Return CLOCK_BOOTTIME in microseconds: it goes on while the machine is suspended."""
        ...

    def sleep(self, microseconds: int) -> None:
        """Wait."""
        ...


class Randomness(Protocol):
    """Where random bytes come from."""

    def random_bytes(self, count: int) -> bytes:
        """Return `count` bytes fit for keys and ids."""
        ...

    def jitter(self, low: int, high: int) -> int:
        """Return an even integer choice from low to high, both included; not for keys."""
        ...
