"""What the demonstration does and shows: calls of real clients, and steps that say what was promised and what came."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from mmt_grpc.app.demo_installation import DemoInstallation
from mmt_grpc.app.demo_sandbox import ExchangeGoneError
from mmt_grpc.domain.errors import MmtError, Reason
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Grant, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import DEFAULT_MIN_VALIDITY, ConnectCommand, ConnectResult, Resolved, ResolveQuery
from mmt_grpc.transport.client import CallFailedError, TokenClient

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a step, and whether it is what was promised."""

    text: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the demonstration; `milliseconds` as the caller saw it."""

    what: str
    promised: str
    came: Came
    milliseconds: float


class Audience(Protocol):
    """Who is shown the steps."""

    def begins(self, what: str) -> None:
        """Show what is being done."""
        ...

    def sees(self, step: Step) -> None:
        """Show what came of it."""
        ...


class MissingError(Exception):
    """A step needs what an earlier one did not bring."""


@dataclass(kw_only=True)
class Stage:
    """The clients, and what is known of their connections; `kept` says whether every promise was."""

    installation: DemoInstallation
    audience: Audience
    write: TokenClient
    read: TokenClient
    other: TokenClient
    connected: dict[str, ConnectResult] = field(default_factory=dict)
    credentials: dict[str, BearerToken] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    kept: bool = True

    def step(self, what: str, promised: str, act: Callable[[], Came]) -> None:
        """Do something and show it; a failure that was not promised is a promise that was not kept."""
        self.audience.begins(what)
        started = time.monotonic()
        try:
            came = act()
        except (CallFailedError, ExchangeGoneError, MmtError) as error:
            came = Came(str(error), kept=False)
        except MissingError:
            came = Came("not tried: an earlier step failed", kept=False)
        self.kept = self.kept and came.kept
        self.audience.sees(Step(what, promised, came, (time.monotonic() - started) * 1000))

    def connect(
        self,
        name: str,
        grant: Grant,
        *,
        user: str,
        integration: str,
        scope: Scope = Scope.READ,
        by: TokenClient | None = None,
    ) -> ConnectResult:
        """Connect, and remember the connection under a name."""
        command = ConnectCommand(user, integration, scope, None, allow_account_change=False, grant=grant)
        self.connected[name] = (by or self.write).connect(command)
        return self.connected[name]

    def connection(self, name: str) -> ConnectResult:
        """Return a connection by its name; `MissingError` if it never came about."""
        if name not in self.connected:
            raise MissingError
        return self.connected[name]

    def token_id(self, name: str) -> str:
        """Return a connection's token id."""
        return self.connection(name).token_id

    def resolve(
        self, token_id: str, *, required: Scope = Scope.READ, min_validity: int = DEFAULT_MIN_VALIDITY
    ) -> Resolved:
        """Resolve, and remember the secrets that came."""
        resolved = self.write.resolve(ResolveQuery(token_id, None, required, min_validity))
        match resolved.credential:
            case BearerToken(token=token):
                self.secrets.append(token)
            case ApiKeyPair(key=key, secret=secret):
                self.secrets += [key, secret]
        return resolved

    def bearer(self, token_id: str, *, min_validity: int = DEFAULT_MIN_VALIDITY) -> BearerToken:
        """Resolve what must be a bearer token."""
        credential = self.resolve(token_id, min_validity=min_validity).credential
        if not isinstance(credential, BearerToken):
            raise MissingError
        return credential

    def credential(self, name: str) -> BearerToken:
        """Return the credential that was resolved before; `MissingError` if none was."""
        if name not in self.credentials:
            raise MissingError
        return self.credentials[name]


def refusal(call: Callable[[], object], reason: Reason, metadata: Mapping[str, str] | None = None) -> Came:
    """Call what is promised to be refused for a reason, with certain metadata."""
    try:
        call()
    except CallFailedError as error:
        details = ", ".join(f"{name}={value}" for name, value in sorted(error.metadata.items()))
        name = error.reason.value if error.reason else error.code.name
        return Came(f"{name} {details}".rstrip(), error.reason is reason and (metadata or {}) == error.metadata)
    return Came("done, not refused", kept=False)


def short(token_id: str) -> str:
    """Return the beginning of a token id."""
    return f"{token_id[:_SHOWN]}…"


def masked(secret: Secret) -> str:
    """Return how a secret is shown: the same for the same secret, and nothing of it."""
    return f"•••• #{hashlib.sha256(secret.reveal().encode()).hexdigest()[:6]}"
