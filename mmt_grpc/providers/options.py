"""The settings of one integration, field by field as they stand in `[providers.NAME]`."""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.endpoint import Endpoint

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})s")

LONGEST_TIMEOUT: Final = 45
"""Seconds. A lease lasts 60, and its POST begins in the first 15 or never: no exchange may outlive its lease."""


class ClientAuth(enum.StrEnum):
    """How the service names itself at the token endpoint."""

    BODY = "body"
    BASIC = "basic"


class Rotation(enum.StrEnum):
    """What becomes of a refresh token that was used."""

    STRICT = "strict"
    """It is spent, and using it again may end the whole grant."""
    OVERLAP = "overlap"
    """It is replaced, and the old one works for a while longer."""
    REUSABLE = "reusable"
    """It stays."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in so many seconds."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """Read `"50/300s"`; `ValueError` for anything else."""
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError('is not of the form "50/300s"')
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What every integration has; timeouts in seconds."""

    account_url: str | None = None
    session_url: str | None = None
    revoke_url: str | None = None
    refuse_wider_grants: bool = False
    rate_limit: RateLimit | None = None
    connect_timeout: float = 2.0
    total_timeout: float = 10.0
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthOptions(CommonOptions):
    """An OAuth integration."""

    token_url: str
    client_id: str
    client_secret: Secret
    authorize_url: str | None = None
    account_field: str = "id"
    scopes_url: str | None = None
    scopes_field: str = "scope"
    client_auth: ClientAuth = ClientAuth.BODY
    read_scopes: tuple[str, ...] = ()
    write_scopes: tuple[str, ...] = ()
    rotation: Rotation = Rotation.STRICT
    refusal_brake: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions(CommonOptions):
    """An integration of logins, sessions and API keys."""

    login_url: str | None = None
    restrictions_url: str | None = None


ProviderOptions = OAuthOptions | LoginOptions

URL_FIELDS: Final = (
    "authorize_url",
    "token_url",
    "revoke_url",
    "account_url",
    "scopes_url",
    "session_url",
    "login_url",
    "restrictions_url",
)


def problems(options: ProviderOptions) -> Sequence[tuple[str, str]]:
    """Return every wrong field with a sentence about it that does not quote the value; empty if all is well."""
    found = [
        (name, complaint)
        for name in URL_FIELDS
        if (complaint := _complaint(getattr(options, name, None), options)) != ""
    ]
    found += [
        (name, f"is not a number of seconds above 0 and up to {LONGEST_TIMEOUT}")
        for name in ("connect_timeout", "total_timeout")
        if not 0 < getattr(options, name) <= LONGEST_TIMEOUT
    ]
    if isinstance(options, OAuthOptions):
        found += [(name, "is empty") for name in ("client_id", "client_secret") if not getattr(options, name)]
        found += [
            (name, "is not a dotted path")
            for name in ("account_field", "scopes_field")
            if not all(getattr(options, name).split("."))
        ]
    return found


def _complaint(url: str | None, options: ProviderOptions) -> str:
    if url is None:
        return ""
    try:
        endpoint = Endpoint.parse(url)
    except ValueError as error:
        return str(error)
    return "" if endpoint.tls or options.allow_private else "is not https"
