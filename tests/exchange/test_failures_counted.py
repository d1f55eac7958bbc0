"""Refreshes that fail within MMT itself are counted by what failed, not among others."""

import pytest
from prometheus_client import CollectorRegistry

from mmt_grpc.domain.errors import AuditUnavailableError
from mmt_grpc.telemetry.metrics import ExchangeMetrics
from tests.support.fakes_wiring import Unwatched
from tests.support.fakes_world import World


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The outcomes that were counted, as the metrics show them."""
    shown: list[str] = []

    def ended(_: Unwatched, integration: str, outcome: str) -> None:
        registry = CollectorRegistry()
        ExchangeMetrics(registry=registry, integrations=[integration]).refresh_ended(integration, outcome)
        (family,) = [found for found in registry.collect() if found.name == "mmt_refreshes"]
        shown.extend(sample.labels["outcome"] for sample in family.samples if sample.name.endswith("_total"))

    monkeypatch.setattr(Unwatched, "refresh_ended", ended)
    return shown


def test_a_store_that_is_away_when_a_lease_is_taken_is_counted_as_such(
    world: World, expired: str, outcomes: list[str]
) -> None:
    world.weather.refuse("lease", times=100)

    world.refresh(expired)

    assert outcomes == ["store_unavailable"]


def test_an_audit_log_that_cannot_be_written_is_counted_though_nothing_begins(
    world: World, expired: str, outcomes: list[str]
) -> None:
    world.audit.is_up = False

    with pytest.raises(AuditUnavailableError):
        world.refresh(expired)

    assert outcomes == ["audit_unavailable"]
    assert world.coinbase.counts["refreshes"] == 0


def test_what_goes_well_is_counted_once(world: World, expired: str, outcomes: list[str]) -> None:
    world.refresh(expired)

    assert outcomes == ["refreshed"]
