"""A provider's rate limit, kept by all replicas together: in any window no more requests than it allows.

The slots of an integration lie at least `spacing` apart, whichever replica leases them. A request is sent no earlier
than its slot and at most `tolerance` later, and it reaches the provider within `slack` of that. So what arrives in a
window of `seconds` has its slot in an interval of seconds + slack + tolerance, which holds at most `requests` slots if
spacing = (seconds + slack + tolerance) / requests.
"""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.store import Budgets
from mmt_grpc.exchange.slots import Slot, SlotQueue, Spacing

TOLERANCE_SHARE: Final = 9
"""A ninth of the window: a tenth of the requests may come at once, and a tenth of the limit is given up for that."""
SLACK_SHARE: Final = 20
LONGEST_SLACK: Final = 15 * MICROSECONDS
"""From admission to the POST it takes less than this, or the POST is not written."""
SCHEDULED_TENTHS: Final = 8
"""What nobody waits for gets at most so many tenths of the slots; the others are left to calls that wait."""
NAME_LENGTH: Final = 63
SHORTEST_HORIZON: Final = 2 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: int

    @property
    def _window(self) -> int:
        window = self.seconds * MICROSECONDS
        return window + min(window // SLACK_SHARE, LONGEST_SLACK)

    @property
    def spacing(self) -> Spacing:
        """How slots lie so that no window holds too many."""
        tolerance = max(1, self._window // TOLERANCE_SHARE)
        return Spacing(-(-(self._window + tolerance) // self.requests), tolerance)

    @property
    def scheduled_spacing(self) -> Spacing:
        """How the slots of work lie that nobody waits for: fewer, and one saved up, for who asks a little late."""
        spacing = self.spacing.spacing * 10 // SCHEDULED_TENTHS
        return Spacing(spacing, 2 * spacing)


class Budget:
    """One integration's budget in this process."""

    def __init__(self, *, integration: str, rate: Rate, budgets: Budgets, clock: Clock) -> None:
        # A call that must come back is told when: the next slot is leased even if it is not waited for.
        self._horizon = max(rate.spacing.spacing, SHORTEST_HORIZON)
        self._all = SlotQueue(name=integration, spacing=rate.spacing, budgets=budgets, clock=clock)
        # No integration's name begins so: what is scheduled has slots of its own, and takes one of all besides.
        name = f"~{integration}"[:NAME_LENGTH]
        self._scheduled = SlotQueue(name=name, spacing=rate.scheduled_spacing, budgets=budgets, clock=clock)

    def take(self, *, demand: bool, patience: int) -> Slot | int:
        """Take a slot, or return the microseconds until it is worth asking again; raises `StoreUnavailableError`.

        Demand gets one that opens within `patience`; what is scheduled only one that is open now, within its share.
        """
        if demand:
            return self._all.take(patience=patience, horizon=self._horizon)
        permit = self._scheduled.take(patience=0, horizon=0)
        if isinstance(permit, int):
            return permit
        slot = self._all.take(patience=0, horizon=0)
        if isinstance(slot, int):
            self._scheduled.put_back(permit)
        return slot

    def wait(self, *, demand: bool, patience: int) -> int:
        """Return for how long, as far as is known here, `take` would find none; takes nothing, asks nobody."""
        if demand:
            wait = self._all.wait(horizon=self._horizon)
            return 0 if wait <= patience else wait
        return max(self._all.wait(horizon=0), self._scheduled.wait(horizon=0))

    def hold(self, wait: int) -> None:
        """Send nothing for so long, in any replica: the provider asked for it; raises `StoreUnavailableError`."""
        self._all.hold(wait)
