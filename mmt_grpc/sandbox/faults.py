"""Faults that tests switch on per account, and which request each of them hits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum


class FaultName(StrEnum):
    """What goes wrong."""

    LOST_ANSWER = "lost_answer"
    SLOW = "slow"
    GARBAGE = "garbage"
    BAD_GATEWAY = "bad_gateway"
    RATE_LIMIT = "rate_limit"
    UNAVAILABLE = "unavailable"
    INVALID_GRANT = "invalid_grant"
    INVALID_CLIENT = "invalid_client"
    NO_EXPIRES_IN = "no_expires_in"
    REVOKE_LIES = "revoke_lies"
    OTP_REQUIRED = "otp_required"
    FORBIDDEN = "forbidden"
    IP_BAN = "ip_ban"


CHANGING = frozenset({"token", "login", "restrictions", "revoke"})
"""The endpoints a fault hits if it names none: those where something is granted or ended."""
READING = frozenset({"account", "scopes", "session"})
"""The endpoints a fault hits only if it names them."""

_EVERYWHERE = CHANGING | READING
_HITS: dict[FaultName, frozenset[str]] = {
    FaultName.LOST_ANSWER: _EVERYWHERE,
    FaultName.SLOW: _EVERYWHERE,
    FaultName.GARBAGE: _EVERYWHERE,
    FaultName.BAD_GATEWAY: _EVERYWHERE,
    FaultName.RATE_LIMIT: _EVERYWHERE,
    FaultName.UNAVAILABLE: _EVERYWHERE,
    FaultName.INVALID_GRANT: _EVERYWHERE - {"revoke"},
    FaultName.INVALID_CLIENT: frozenset({"token"}),
    FaultName.NO_EXPIRES_IN: frozenset({"token", "login"}),
    FaultName.REVOKE_LIES: frozenset({"revoke"}),
    FaultName.OTP_REQUIRED: frozenset({"token", "login", "account", "scopes"}),
    FaultName.FORBIDDEN: frozenset({"restrictions"}) | READING,
    FaultName.IP_BAN: _EVERYWHERE,
}


@dataclass(slots=True)
class Fault:
    """One fault that still has to happen `left` times."""

    name: FaultName
    endpoint: str | None
    seconds: float | None
    """How long a slow answer takes, or what Retry-After says."""
    left: int

    def hits(self, endpoint: str) -> bool:
        """Whether a request to that endpoint is one that the fault waits for."""
        if self.endpoint is not None:
            return endpoint == self.endpoint
        return endpoint in CHANGING and endpoint in _HITS[self.name]


def can_hit(name: FaultName, endpoints: frozenset[str]) -> bool:
    """Whether the fault can happen at one of these endpoints."""
    return bool(_HITS[name] & endpoints)


class Faults:
    """The faults of every account, first come first served; in memory only."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[Fault]] = defaultdict(list)

    def add(self, *, integration: str, account: str, fault: Fault) -> None:
        """Queue a fault; one that is left 0 times takes back those of its name and endpoint."""
        waiting = self._waiting[integration, account]
        if fault.left == 0:
            waiting[:] = [f for f in waiting if (f.name, f.endpoint) != (fault.name, fault.endpoint)]
        else:
            waiting.append(fault)

    def take(self, *, integration: str, account: str | None, endpoint: str) -> Fault | None:
        """The fault that this request meets, counted down."""
        if account is None:
            return None
        waiting = self._waiting.get((integration, account), [])
        for fault in waiting:
            if fault.hits(endpoint):
                fault.left -= 1
                if fault.left == 0:
                    waiting.remove(fault)
                return fault
        return None
