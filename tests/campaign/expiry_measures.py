"""What the expiry campaign computes: bursts, budgets, how far refreshes lag behind their plan, and percentiles.

All moments are seconds of one clock.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BURST = 1.5
"""The most that may fall into any interval, against the mean."""
SAMPLE = 256
"""How many refreshes the mean interval holds: then half as many again are eight standard deviations (of 16) of what
chance alone does to independent moments, and no interval of thousands comes there by chance."""


@dataclass(frozen=True)
class Window:
    """The stretch in which refreshes are spread, from the earliest moment that the policy allows to the latest."""

    begins_at: float
    ends_at: float

    @property
    def seconds(self) -> float:
        return self.ends_at - self.begins_at

    def has(self, moment: float) -> bool:
        return self.begins_at <= moment < self.ends_at


@dataclass(frozen=True)
class Burst:
    """The largest count in any interval of so many seconds, against the mean over the window."""

    interval: float
    mean: float
    most: int

    @property
    def ratio(self) -> float:
        return self.most / self.mean if self.mean else 0.0


def spreading_window(lives: Sequence[tuple[float, float]]) -> Window:
    """Return where tokens are refreshed that were connected at a moment and expire at another, `lives` naming both.

    The policy: evenly within min(15–30 min, a quarter to a half of the life) ahead of the expiry.
    """
    latest = [(ends_at, min(15 * 60.0, (ends_at - begins_at) / 4)) for begins_at, ends_at in lives]
    return Window(
        min(ends_at - 2 * ahead for ends_at, ahead in latest), max(ends_at - ahead for ends_at, ahead in latest)
    )


def burst(moments: Sequence[float], window: Window, *, sample: float = SAMPLE) -> Burst:
    """Return the largest burst of `moments`, which are spread over the window as a whole.

    The interval is so long that `sample` of them fall into it in the mean. It slides over all moments, those outside of
    the window included; the mean is that of the window, however little of it they fill: a crowd at one instant is a
    burst.
    """
    if not moments:
        return Burst(window.seconds, 0.0, 0)
    interval = sample / len(moments) * window.seconds
    return Burst(interval, sample, most_within(moments, interval))


def most_within(moments: Sequence[float], seconds: float) -> int:
    """Return the largest count in any half-open interval of a length, wherever it begins."""
    ordered = sorted(moments)
    return max(
        (number + 1 - bisect.bisect_right(ordered, at - seconds) for number, at in enumerate(ordered)), default=0
    )


def lags(planned: Sequence[float], done: Sequence[float]) -> list[float]:
    """Return by how many seconds the n-th that was done came after the n-th that was planned, in the plan's order."""
    return [later - sooner for sooner, later in zip(sorted(planned), sorted(done), strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of the values does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
