"""The states of circuits as metrics: each one has one state at a time, and is there before it opens."""

import itertools

import pytest
from prometheus_client import CollectorRegistry

from mmt_grpc.app.exchange_figures import exchange_figures
from mmt_grpc.telemetry.metrics import CIRCUIT_STATES, CIRCUITS, ExchangeMetrics
from tests.exchange.pacing_world import REFUSED_US, PacingWorld, ends


def shown(registry: CollectorRegistry, integration: str) -> dict[str, list[str]]:
    """Return in which states each circuit is said to be."""
    found: dict[str, list[str]] = {}
    for circuit, state in itertools.product(CIRCUITS, CIRCUIT_STATES):
        labels = {"integration": integration, "circuit": circuit, "state": state}
        if registry.get_sample_value("mmt_circuit_state", labels):
            found.setdefault(circuit, []).append(state)
    return found


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_each_is_closed_at_first(registry: CollectorRegistry) -> None:
    ExchangeMetrics(registry=registry, integrations=["uphold"])

    assert shown(registry, "uphold") == {circuit: ["closed"] for circuit in CIRCUITS}


def test_one_state_at_a_time(registry: CollectorRegistry) -> None:
    metrics = ExchangeMetrics(registry=registry, integrations=["uphold"])
    for state in ("open", "half_open", "open", "half_open", "closed", "open"):
        metrics.circuit("uphold", "refusals", state)
        assert shown(registry, "uphold") == {"grants": ["closed"], "refusals": [state], "lookups": ["closed"]}


def test_what_no_label_may_say_is_other(registry: CollectorRegistry) -> None:
    metrics = ExchangeMetrics(registry=registry, integrations=["uphold"])
    metrics.circuit("canary", "canary", "canary")

    values = {value for family in registry.collect() for sample in family.samples for value in sample.labels.values()}
    assert "canary" not in values
    labels = {"integration": "other", "circuit": "other", "state": "other"}
    assert registry.get_sample_value("mmt_circuit_state", labels) == 1


def test_the_exchangers_circuits_are_those_that_the_metric_knows(registry: CollectorRegistry) -> None:
    world = PacingWorld()
    metrics = exchange_figures(registry, ["uphold"])
    world.gauge = metrics  # type: ignore[assignment]  # another observer
    ends(world.replica(), REFUSED_US)

    assert shown(registry, "uphold") == {"grants": ["open"], "refusals": ["closed"], "lookups": ["closed"]}
    assert registry.get_sample_value("mmt_breaker_open", {"integration": "uphold"}) == 1
