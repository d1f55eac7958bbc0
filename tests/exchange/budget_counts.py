"""How much of a provider's limit is used: what can be had at once, and what lies in its fullest window."""

import bisect
import itertools

from mmt_grpc.domain.errors import Reason
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import SECOND


def most_in_a_window(times: list[int], seconds: int) -> int:
    """Return how many lie in the fullest window, both of its ends included."""
    times = sorted(times)
    return max((bisect.bisect_right(times, at + seconds * SECOND) - n for n, at in enumerate(times)), default=0)


def drain(pacing: Pacing, *, demand: bool = True) -> int:
    """Take what there is, return how much it was."""
    for count in itertools.count():
        admission = pacing.admit("uphold", demand=demand)
        if isinstance(admission, Refused):
            assert admission.reason is Reason.PROVIDER_RATE_LIMITED
            assert admission.wait > 0
            return count
        admission.close()
    raise AssertionError
