"""How long a failed refresh is left alone."""

from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.exchange.account_limits import LONGEST_BAN

FIRST: Final = MICROSECONDS
LONGEST: Final = 300 * MICROSECONDS
LONGEST_ASKED: Final = 3600 * MICROSECONDS
DOUBTFUL: Final = 60 * MICROSECONDS
"""A late POST may still be on its way for this long."""


def wait_after(error: ProviderError | None, *, failures: int, randomness: Randomness) -> int:
    """Return the microseconds to wait after `failures` earlier ones: full jitter, at least what the provider asked."""
    ceiling = min(LONGEST, FIRST << min(failures, 16))
    wait = randomness.jitter(FIRST // 4, ceiling)
    asked = 0 if error is None or error.retry_after is None else int(error.retry_after * MICROSECONDS)
    longest = LONGEST_BAN if error is not None and error.banned else LONGEST_ASKED
    return max(wait, min(asked, longest))
