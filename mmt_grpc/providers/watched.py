"""Requests to providers as operators watch them: what was asked, how it ended, how long it took; no URL, no account."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from mmt_grpc.domain.model import Credential, Grant, Liveness, OAuthTokens, Scope, SessionGrant, Upstream
from mmt_grpc.domain.ports.providers import Issued, Learn, Provider, ProviderError, RefreshChannel
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import ProviderOptions

T = TypeVar("T")

OK = "ok"


class RequestObserver(Protocol):
    """Told of each request to a provider, its own repetitions included in its time."""

    def request_ended(self, integration: str, operation: str, outcome: str, seconds: float) -> None:
        """Count one by its outcome: `ok`, `rate_limited`, a failure's value, or what a revocation or probe said."""
        ...


def operations_of(options: ProviderOptions) -> Collection[str]:
    """Return what an integration can be asked for beside its grants; the rest is answered without asking."""
    urls = {
        "account": options.account_url,
        "scopes": getattr(options, "scopes_url", None),
        "probe": options.session_url or options.account_url,
        "revoke": options.revoke_url,
    }
    return {operation for operation, url in urls.items() if url is not None}


class WatchedProvider:
    """A `Provider` whose requests are counted; `elapsed` gives seconds."""

    def __init__(
        self,
        *,
        provider: Provider,
        operations: Collection[str],
        observer: RequestObserver,
        elapsed: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._operations = frozenset(operations)
        self._observer = observer
        self._elapsed = elapsed

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def tolerates_reuse(self) -> bool:
        return self._provider.tolerates_reuse

    def redeem(self, grant: Grant, scope: Scope) -> Issued:
        if isinstance(grant, OAuthTokens | SessionGrant):
            return self._provider.redeem(grant, scope)
        return self.watch("redeem", lambda: self._provider.redeem(grant, scope))

    def read_account(self, credential: Credential) -> str | None:
        return self._ask("account", lambda: self._provider.read_account(credential))

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:
        return self._ask("scopes", lambda: self._provider.read_granted_scopes(credential))

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._provider.covers(granted, scope)

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._provider.is_wider(granted, scope)

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        return self._provider.asked_scopes(scope)

    def open_refresh(self) -> "WatchedChannel":
        began = self._elapsed()
        try:
            channel = self._provider.open_refresh()
        except ProviderError as error:
            self._ended("refresh", outcome_of(error), began)
            raise
        return WatchedChannel(channel=channel, provider=self, took=self._elapsed() - began)

    def revoke(self, credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        return self._ask("revoke", lambda: self._provider.revoke(credential, renewal, learn=learn))

    def probe(self, credential: Credential) -> Liveness:
        return self._ask("probe", lambda: self._provider.probe(credential))

    def watch(self, operation: str, ask: Callable[[], T], *, took: float = 0.0) -> T:
        """Ask, and count how that ended; `took`: seconds that were spent on it before."""
        began = self._elapsed() - took
        try:
            answer = ask()
        except ProviderError as error:
            self._ended(operation, outcome_of(error), began)
            raise
        said = answer.name.lower() if isinstance(answer, Upstream | Liveness) else OK
        self._ended(operation, said, began)
        return answer

    def _ask(self, operation: str, ask: Callable[[], T]) -> T:
        return self.watch(operation, ask) if operation in self._operations else ask()

    def _ended(self, operation: str, outcome: str, began: float) -> None:
        self._observer.request_ended(self.name, operation, outcome, self._elapsed() - began)


class WatchedChannel:
    """A `RefreshChannel` whose request is counted, the time to connect included."""

    def __init__(self, *, channel: RefreshChannel, provider: WatchedProvider, took: float) -> None:
        self._channel = channel
        self._provider = provider
        self._took = took

    def refresh(self, renewal: Secret) -> Issued:
        return self._provider.watch("refresh", lambda: self._channel.refresh(renewal), took=self._took)

    def close(self) -> None:
        self._channel.close()


def outcome_of(error: ProviderError) -> str:
    """Return the word for a failure."""
    return "rate_limited" if error.rate_limited else error.failure.value
