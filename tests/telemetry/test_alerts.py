"""The alerts that are documented can fire: their series and labels exist, and what they compare matches."""

import re

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from mmt_grpc.telemetry import metrics
from tests.support.tree import ROOT
from tests.telemetry.alert_expressions import CannotFireError, Reader

DOCUMENT = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
VALUES = {
    "grpc_method": metrics.METHODS,
    "grpc_code": metrics.CODES,
    "reason": metrics.REASONS,
    "why": frozenset(metrics.HELD_BACK_BY),
    "kind": frozenset(metrics.SPOOL_KINDS),
    "event": frozenset(metrics.TOKEN_EVENTS.values()),
    "circuit": metrics.CIRCUITS,
    "state": metrics.CIRCUIT_STATES,
}
"""The values of labels that are the same whatever the metric."""
VALUES_OF = {
    "mmt_refreshes": {"outcome": metrics.REFRESH_OUTCOMES},
    "mmt_provider_requests": {"outcome": metrics.REQUEST_OUTCOMES, "operation": metrics.OPERATIONS},
    "mmt_audit_failures": {"operation": metrics.AUDIT_FAILURES},
}


class Collectors(CollectorRegistry):
    """A registry that tells what is registered."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[MetricWrapperBase] = []

    def register(self, collector: object) -> None:
        assert isinstance(collector, MetricWrapperBase)
        self.made.append(collector)


def make(registry: CollectorRegistry, *integrations: str) -> None:
    """Make all metrics of all processes."""
    metrics.ServerMetrics(registry=registry)
    metrics.ExchangeMetrics(registry=registry, integrations=integrations)
    metrics.TokenMetrics(registry=registry, integrations=integrations)
    metrics.AuditMetrics(registry=registry)
    metrics.ProcessMetrics(registry=registry, processes=())


def series() -> dict[str, dict[str, frozenset[str] | None]]:
    """Return all series that exist, by name, and the values that their labels may have, None for any."""
    registry = Collectors()
    make(registry)
    found = dict[str, dict[str, frozenset[str] | None]]()
    for made in registry.made:
        own = {label: (VALUES | VALUES_OF.get(made._name, {})).get(label) for label in made._labelnames}
        for suffix in SUFFIXES[str(made._type)]:
            found[made._name + suffix] = own | ({"le": None} if suffix == "_bucket" else {})
    return found


def alerts() -> list[tuple[str, str]]:
    """Return the name of each alert, and each of its expressions."""
    table = DOCUMENT.partition("\n### Alerts\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    return [(name, expression) for name, cell in rows for expression in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(("name", "expression"), alerts())
def test_an_alert_can_fire(name: str, expression: str) -> None:
    assert Reader(series(), expression).read() is not None, name


COUNTERS = re.findall(r'(mmt_\w+_total|grpc_\w+_total)(?:{(\w+)="(\w+)"})?', "".join(dict(alerts()).values()))


@pytest.mark.parametrize(("name", "label", "value"), COUNTERS)
def test_a_counter_that_an_alert_waits_for_is_there_before_it_counts(name: str, label: str, value: str) -> None:
    registry = CollectorRegistry()
    make(registry, "coinbase")

    values = [
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name and (not label or sample.labels[label] == value)
    ]

    # The first would be a series out of nowhere, which has not increased.
    assert set(values) == {0}


def test_the_alerts_are_read() -> None:
    assert {"exchanger down", "mass refusal", "spool not drained", "bug"} <= {name for name, _ in alerts()}


@pytest.mark.parametrize(
    "expression",
    [
        "mmt_breaker_opened == 1",
        'increase(mmt_token_events_total{event="vanished"}[1h]) > 0',
        'increase(mmt_audit_failures_total{outcome="ok"}[1h]) > 0',
        'mmt_token_events_total{event="condemned"} / mmt_token_events_total{event="refreshed"} > 0.05',
        "sum by (integration) (mmt_token_events_total) / sum by (event) (mmt_token_events_total) > 0.05",
        "max by (why) (mmt_breaker_open) == 1",
        "histogram_quantile(0.99, sum by (integration) (rate(mmt_provider_request_seconds_bucket[5m]))) > 5",
        "mmt_breaker_open == 1 for 5 min",
    ],
)
def test_one_that_cannot_fire_is_found(expression: str) -> None:
    with pytest.raises(CannotFireError):
        Reader(series(), expression).read()


def test_the_look_at_the_metrics_shows_what_holds_now() -> None:
    (pattern,) = re.findall(r"/metrics \| grep -E '([^']+)'", (ROOT / "docs/refresh.md").read_text(encoding="utf-8"))
    gauges = {
        name
        for name in series()
        if name.startswith("mmt_") and not name.endswith(("_total", "_bucket", "_count", "_sum"))
    }

    assert {name for name in gauges if not re.match(pattern, name)} == {"mmt_process_up"}
