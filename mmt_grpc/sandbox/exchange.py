"""What every fake exchange offers to the server: its endpoints, and its own wording of a refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mmt_grpc.sandbox.message import Request, Response


class Outage(StrEnum):
    """A refusal that has nothing to do with what was presented; each exchange words it its own way."""

    RATE_LIMIT = "rate_limit"
    UNAVAILABLE = "unavailable"
    INVALID_GRANT = "invalid_grant"
    INVALID_CLIENT = "invalid_client"
    OTP_REQUIRED = "otp_required"
    FORBIDDEN = "forbidden"
    IP_BAN = "ip_ban"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider endpoint."""

    name: str
    """What faults call it: token, login, revoke, account, scopes, session, restrictions; or page."""
    answer: Callable[[Request], Response]
    owner: Callable[[Request], str | None]
    """The account that the request is about, from the credential it presents."""
    limited: bool = False
    """Whether the integration's rate limit counts it."""


class Exchange(Protocol):
    """One integration."""

    @property
    def endpoints(self) -> Mapping[tuple[str, str], Endpoint]:
        """Endpoints by HTTP method and path below the integration's own."""
        ...

    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        """The exchange's way of saying so; `retry_after` in seconds."""
        ...


def retry_header(seconds: float) -> tuple[str, str]:
    """The Retry-After header, in whole seconds and never 0."""
    return ("Retry-After", str(max(1, math.ceil(seconds))))
