"""Random bytes from the operating system."""

import os
import secrets


class SystemRandomness:
    """`Randomness` from the kernel's generator; fit for keys and nonces."""

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def jitter(self, low: int, high: int) -> int:
        """Return an integer from low to high; a `ValueError` if there is none."""
        return low + secrets.randbelow(high - low + 1)
