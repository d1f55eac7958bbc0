"""What an operator reads at /metrics of a running installation says what has happened in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mmt.v1 import managed_token_pb2 as nouns
from tests.support import places
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

INTEGRATIONS = ("coinbase", "uphold", "binance")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One installation for all of these tests: each looks at what it adds itself."""
    state_dir: Path = tmp_path_factory.mktemp("metrics") / "state"
    with running_service(state_dir, MMT_LOG__FORMAT="json", MMT_METRICS_LISTEN="127.0.0.1:0") as made:
        yield made


def value(service: Service, name: str, **labels: str) -> float | None:
    """Scrape, and return one sample; None if there is no such series."""
    text = places.metrics(service.dev)["metrics"].decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def events(service: Service, event: str, integration: str = "coinbase") -> float:
    return value(service, "mmt_token_events_total", integration=integration, event=event) or 0


def requests(service: Service, operation: str, outcome: str, integration: str = "coinbase") -> float:
    labels = {"integration": integration, "operation": operation, "outcome": outcome}
    return value(service, "mmt_provider_requests_total", **labels) or 0


def test_what_alerts_wait_for_is_there_before_it_happens(service: Service) -> None:
    for integration in INTEGRATIONS:
        assert value(service, "mmt_token_events_total", integration=integration, event="rotation_lost") == 0
        assert value(service, "mmt_breaker_open", integration=integration) is not None
        for operation in ("redeem", "refresh"):
            labels = {"integration": integration, "operation": operation, "outcome": "our_outage"}
            assert value(service, "mmt_provider_requests_total", **labels) is not None
    for kind in ("attempt", "grant", "unwanted", "revocation"):
        assert value(service, "mmt_spool_records", kind=kind) is not None
        assert value(service, "mmt_spool_oldest_timestamp_seconds", kind=kind) is not None


def test_a_tokens_life_is_counted(service: Service) -> None:
    names = ("connected", "refreshed", "reauthenticated", "revoked")
    before = {name: events(service, name) for name in names}
    asked = {name: requests(service, *name) for name in (("redeem", "ok"), ("refresh", "ok"), ("revoke", "revoked"))}
    timed = value(service, "mmt_provider_request_seconds_count", integration="coinbase", operation="refresh") or 0

    user, account = someone(), someone("account")
    code = service.code("coinbase", account)
    token = service.write.connect(user, "coinbase", nouns.SCOPE_READ, authorization_code=code).token_id
    service.write.resolve(token, rejected_generation=1)
    again = service.code("coinbase", account)
    assert service.write.connect(user, "coinbase", nouns.SCOPE_READ, authorization_code=again).token_id == token
    service.write.revoke(token)

    assert {name: events(service, name) - before[name] for name in names} == dict.fromkeys(names, 1)
    after = {name: requests(service, *name) for name in asked}
    assert {name: after[name] - asked[name] for name in asked} == {
        ("redeem", "ok"): 2,
        ("refresh", "ok"): 1,
        ("revoke", "revoked"): 1,
    }
    assert value(service, "mmt_provider_request_seconds_count", integration="coinbase", operation="refresh") == (
        timed + 1
    )


def test_a_revocation_that_the_provider_does_not_take_is_seen_to_wait(service: Service) -> None:
    token, account = service.connected("uphold")
    began = time.time()
    service.fault("uphold", account, "revoke_lies", times=1000)
    service.write.revoke(token)

    def waits() -> bool:
        return value(service, "mmt_spool_records", kind="revocation") == 1

    until(waits, "the spool is looked over")
    oldest = value(service, "mmt_spool_oldest_timestamp_seconds", kind="revocation")
    assert oldest is not None
    assert began - 1 <= oldest <= time.time() + 1
    assert requests(service, "revoke", "failed", "uphold") >= 1


def test_a_provider_that_refuses_our_client_is_an_alarm_and_held_back(service: Service) -> None:
    token, account = service.connected()
    service.fault("coinbase", account, "invalid_client", times=1)
    before = requests(service, "refresh", "our_outage")

    service.write.resolve(token, min_validity=timedelta(hours=24))

    assert requests(service, "refresh", "our_outage") == before + 1
    assert value(service, "mmt_breaker_open", integration="coinbase") == 1
    assert value(service, "mmt_breaker_open", integration="binance") == 0


def test_no_label_holds_anything_of_a_request(service: Service) -> None:
    _, account = service.connected("uphold")
    text = places.metrics(service.dev)["metrics"].decode()

    for secret in (account, service.dev.sandbox_url, service.dev.client_id):
        assert secret not in text
