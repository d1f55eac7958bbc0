"""Rate limits like "50/300s": so many requests in so many seconds, whoever asks."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_FORM = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,6})s")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in any `seconds`."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read "50/300s"; raises ValueError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError('a rate limit reads like "50/300s"')
        return cls(int(found[1]), int(found[2]))


class Limiter:
    """Sliding windows by integration; an integration without a limit is never refused."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limits: dict[str, Limit] = {}
        self._seen: dict[str, deque[float]] = {}

    def set(self, integration: str, limit: Limit | None) -> None:
        """Change an integration's limit and start its window anew."""
        self._seen[integration] = deque()
        if limit is None:
            self._limits.pop(integration, None)
        else:
            self._limits[integration] = limit

    def wait(self, integration: str) -> int:
        """Count one request; 0 lets it pass, else the whole seconds to wait (then it was not counted)."""
        limit = self._limits.get(integration)
        if limit is None:
            return 0
        now, seen = self._clock(), self._seen[integration]
        while seen and seen[0] <= now - limit.seconds:
            seen.popleft()
        if len(seen) >= limit.count:
            return max(1, math.ceil(seen[0] + limit.seconds - now))
        seen.append(now)
        return 0
