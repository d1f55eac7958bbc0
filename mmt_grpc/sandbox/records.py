"""What the sandbox remembers, as flat records that survive a restart; credentials only as digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self


def digest(text: str) -> str:
    """The lower-case sha256 hex under which a credential is remembered and shown in the books."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class TokenKind(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a user agreed to; lifetimes in seconds."""

    scopes: tuple[str, ...]
    access_seconds: float | None
    """None: the access token never expires."""
    refresh_seconds: float | None
    """None: there is no refresh token."""
    scope_in_answer: bool = True


class Record(Protocol):
    """One remembered thing, found again by kind and key."""

    KIND: ClassVar[str]

    @property
    def key(self) -> str:
        """Unique among the records of one kind."""
        ...

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> Self:
        """Build the record from the object that `encode` wrote."""
        ...


class _Body:
    """Reading back what `encode` wrote."""

    __slots__ = ()

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> Self:
        if isinstance(terms := body.get("terms"), dict):
            body["terms"] = Terms(**{**terms, "scopes": tuple(terms["scopes"])})
        return cls(**body)


@dataclass(slots=True)
class Code(_Body):
    """An authorization code, kept after its use so that a second one is noticed."""

    KIND: ClassVar[str] = "code"
    key: str
    integration: str
    account: str
    terms: Terms
    redirect_uri: str
    challenge: str | None
    expires_at: float
    chain: str | None = None
    """The chain that the code was exchanged for."""


@dataclass(slots=True)
class Chain(_Body):
    """One grant of one user: all tokens that descend from one code or one login."""

    KIND: ClassVar[str] = "chain"
    key: str
    integration: str
    account: str
    terms: Terms
    dead: bool = False


@dataclass(slots=True)
class Token(_Body):
    """One access token, refresh token or session of a chain."""

    KIND: ClassVar[str] = "token"
    key: str
    chain: str
    kind: TokenKind
    expires_at: float | None
    spent: bool = False
    dead: bool = False

    def __post_init__(self) -> None:
        # The journal gives back plain text.
        self.kind = TokenKind(self.kind)


@dataclass(slots=True)
class Tally(_Body):
    """What happened to one account of one integration."""

    KIND: ClassVar[str] = "tally"
    integration: str
    account: str
    exchanges: int = 0
    refreshes: int = 0
    reuses: int = 0

    @property
    def key(self) -> str:
        return account_key(self.integration, self.account)


@dataclass(slots=True)
class User(_Body):
    """Somebody who logs in with a password; both secrets are keyed digests."""

    KIND: ClassVar[str] = "user"
    key: str
    account: str
    password: str
    otp: str | None
    scopes: list[str]
    session_seconds: float


@dataclass(slots=True)
class ApiKey(_Body):
    """An API key by its digest; its secret is derived from the key's text and the seed."""

    KIND: ClassVar[str] = "api_key"
    key: str
    account: str
    permissions: list[str]
    created_at: float
    dead: bool = False


@dataclass(slots=True)
class Seed(_Body):
    """The random value under which passwords are digested and API secrets derived."""

    KIND: ClassVar[str] = "seed"
    value: str
    key: str = "seed"


def account_key(integration: str, account: str) -> str:
    """One unambiguous text for an account of an integration."""
    return json.dumps([integration, account])


def encode(record: Record) -> str:
    """The record as one line of JSON."""
    return json.dumps(dataclasses.asdict(record), separators=(",", ":"))  # type: ignore[call-overload]  # a dataclass
