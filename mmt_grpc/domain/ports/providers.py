"""The exchanges: what they bring, and the one classification of how they fail."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.model import Credential, Grant, Liveness, Scope, Upstream
from mmt_grpc.domain.secret import Secret


class Failure(enum.Enum):
    """How a request to a provider failed, by what became of what was sent."""

    NOT_SENT = "not_sent"
    """Name resolution, connect or TLS: nothing reached the provider; try again freely."""
    NOT_CONSUMED = "not_consumed"
    """429 or 503: the provider says that it did nothing."""
    AMBIGUOUS = "ambiguous"
    """A read timeout, a reset, 502, 504, another 5xx or a garbled 200: nobody knows."""
    PERMANENT = "permanent"
    """The provider refused the grant for good (`invalid_grant`, bad login, dead key)."""
    OTP_REQUIRED = "otp_required"
    """The provider wants a one-time password."""
    OUR_OUTAGE = "our_outage"
    """`invalid_client`, `unauthorized_client`, our clock: never the user's fault."""


class ProviderError(Exception):
    """A request to a provider failed; the text names integration and class only.

    `rate_limited` and `retry_after` (seconds) go with NOT_CONSUMED; so do `banned`, a limit that shuts our address out
    (418), and `unexplained`, a refusal (4xx) whose reason no rule knows.
    """

    def __init__(
        self,
        failure: Failure,
        *,
        integration: str,
        rate_limited: bool = False,
        retry_after: float | None = None,
        banned: bool = False,
        unexplained: bool = False,
    ) -> None:
        super().__init__(f"{integration}: {failure.value}")
        self.failure = failure
        self.integration = integration
        self.rate_limited = rate_limited
        self.retry_after = retry_after
        self.banned = banned
        self.unexplained = unexplained


Learn = Callable[[ProviderError], None]
"""Told how a request failed, where who sent it goes on all the same."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What a provider gave. `expires_in` in seconds from the moment the request was sent, None: not said or never.

    `expires_at` (Unix microseconds) only where the grant itself carried a time. `granted_scopes` None: the answer did
    not say. `renewal_expires_in` in seconds, None if not known.
    """

    credential: Credential
    renewal: Secret | None
    expires_in: float | None
    granted_scopes: tuple[str, ...] | None
    expires_at: int | None = None
    renewal_expires_in: float | None = None
    account: str | None = None


class RefreshChannel(Protocol):
    """A fresh connection to a provider, open and past TLS, good for one refresh."""

    def refresh(self, renewal: Secret) -> Issued:
        """Write the POST at once and read the answer; raises `ProviderError` (never NOT_SENT once a byte was written).

        A new refresh token in the answer replaces the old one; `renewal` None means keep the old.
        """
        ...

    def close(self) -> None:
        """Close the connection; idempotent."""
        ...


class Provider(Protocol):
    """One integration. Every method raises `ProviderError`."""

    @property
    def name(self) -> str:
        """The integration's name."""
        ...

    @property
    def tolerates_reuse(self) -> bool:
        """Whether a refresh token that was used may be used again (rotation is not `strict`)."""
        ...

    def redeem(self, grant: Grant, scope: Scope) -> Issued:
        """Turn a grant into credentials, once; ready tokens, sessions and keys come back as they are.

        An API key's permissions are read here (`granted_scopes`). Never retried after bytes were sent, unless
        NOT_CONSUMED.
        """
        ...

    def read_account(self, credential: Credential) -> str | None:
        """Ask for the account; None: no lookup configured, or refused for lack of permission (403).

        401 raises PERMANENT, 429 NOT_CONSUMED with `rate_limited`, a timeout or 5xx NOT_CONSUMED without.
        """
        ...

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:
        """Ask `scopes_url` for the scopes granted; None if there is none or it does not say."""
        ...

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        """Whether all of `read_scopes` (for WRITE: of `write_scopes` too) were granted, `offline_access` aside."""
        ...

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        """Whether the grant is refused as wider than `scope`: the integration's `refuse_wider_grants` is set, and for
        READ an entry only of `write_scopes` was granted.
        """
        ...

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        """Return what is asked for at the provider for a scope; what counts as granted if nobody says."""
        ...

    def open_refresh(self) -> RefreshChannel:
        """Connect for one refresh; raises NOT_SENT."""
        ...

    def revoke(self, credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        """Revoke at the provider, refresh token first, then access token, probing before and after where it lies.

        Never raises: what fails is FAILED. REVOKED only if a token that was alive before is refused now. `learn` is
        told of each request of it that failed. A provider that bans us, or asks to wait when told to revoke, is sent no
        further one.
        """
        ...

    def probe(self, credential: Credential) -> Liveness:
        """Ask whether a credential is alive (`session_url` or `account_url`)."""
        ...


class Providers(Protocol):
    """All configured integrations."""

    def get(self, integration: str) -> Provider:
        """Return one; raises `IntegrationUnknownError`."""
        ...
