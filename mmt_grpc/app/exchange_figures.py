"""Who counts what the exchanger does: the metrics, or nobody."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from mmt_grpc.app.engine_parts import EngineObserver
from mmt_grpc.exchange.pacing import PacingObserver
from mmt_grpc.providers.watched import RequestObserver

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class ExchangeObserver(PacingObserver, EngineObserver, RequestObserver, Protocol):
    """Who counts what the exchanger does."""


class UnwatchedProviders:
    """`ExchangeObserver` of a replica that shows no metrics."""

    def refresh_ended(self, integration: str, outcome: str) -> None:
        """Let it pass."""

    def request_ended(self, integration: str, operation: str, outcome: str, seconds: float) -> None:
        """Let it pass."""

    def breaker(self, integration: str, *, is_open: bool) -> None:
        """Let it pass."""

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        """Let it pass."""

    def spooled(self, records: Mapping[str, tuple[int, int]]) -> None:
        """Let it pass."""

    def leases_held_back(self, why: str, *, is_held: bool) -> None:
        """Let it pass."""


def exchange_figures(registry: "CollectorRegistry | None", integrations: Collection[str]) -> ExchangeObserver:
    """Return who watches the providers and the spool."""
    if registry is None:
        return UnwatchedProviders()
    # Imported only where it is wanted: it costs the process some megabytes.
    from mmt_grpc.telemetry.metrics import ExchangeMetrics  # noqa: PLC0415  # see above

    return ExchangeMetrics(registry=registry, integrations=integrations)
