"""Metrics: their names and labels, what several processes add up to, and who may read them."""

import http.client
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from mmt_grpc.domain.callers import Method
from mmt_grpc.telemetry import metrics, shared_values
from mmt_grpc.telemetry.listener import MetricsListener
from tests.support.tree import ROOT

PROGRAM = """
import sys
from pathlib import Path
from mmt_grpc.telemetry import metrics, shared_values

registry = shared_values.share(Path(sys.argv[1]), sys.argv[2])
server = metrics.ServerMetrics(registry=registry)
server.observe("Resolve", "OK", None, 0.002)
server.observe("Resolve", "NOT_FOUND", "TOKEN_NOT_FOUND", 0.002)
metrics.ProcessMetrics(registry=registry, processes=["exchanger"]).up("exchanger", is_up=True)
"""


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def run_process(directory: Path, role: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, directory, role], cwd=ROOT, check=True)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "metrics"
    shared_values.prepare(path)
    return path


OK_RESOLVES = ("grpc_server_handled_total", (("grpc_code", "OK"), ("grpc_method", "Resolve"), ("reason", "")))


def test_what_all_processes_counted_adds_up_and_outlives_them(directory: Path) -> None:
    run_process(directory, "worker-0")
    run_process(directory, "worker-1")
    run_process(directory, "worker-1")

    assert samples(shared_values.exposition(directory))[OK_RESOLVES] == 3
    assert len(list(directory.glob("counter_*.db"))) == 2


def test_a_new_life_of_the_replica_begins_at_nothing(directory: Path) -> None:
    run_process(directory, "worker-0")

    shared_values.prepare(directory)

    assert shared_values.exposition(directory) == b""


def test_a_label_says_other_rather_than_what_it_does_not_know() -> None:
    registry = CollectorRegistry()
    metrics.ServerMetrics(registry=registry).observe("canary", "canary", "canary", 1)
    exchange = metrics.ExchangeMetrics(registry=registry, integrations=())
    exchange.refresh_ended("canary", "canary")
    exchange.request_ended("canary", "canary", "canary", 1)
    exchange.breaker("canary", is_open=True)
    exchange.spooled({"canary": (1, 1)})
    exchange.leases_held_back("canary", is_held=True)
    metrics.TokenMetrics(registry=registry, integrations=()).happened("canary", "canary")
    metrics.AuditMetrics(registry=registry).failed("canary:ENOSPC")
    processes = metrics.ProcessMetrics(registry=registry, processes=["exchanger"])
    processes.up("canary", is_up=True)
    processes.restarted("canary")

    labels = {
        value
        for family in registry.collect()
        for sample in family.samples
        for name, value in sample.labels.items()
        if name != "le"
    }
    awaited = {label for end in metrics.AWAITED for label in end} | metrics.AUDIT_FAILURES
    assert labels == {"other"} | awaited | metrics.METHODS | set(metrics.SPOOL_KINDS) | set(metrics.HELD_BACK_BY)


def test_every_method_is_there_before_its_first_call() -> None:
    registry = CollectorRegistry()
    metrics.ServerMetrics(registry=registry)

    for method in Method:
        labels = {"grpc_method": method.value, "grpc_code": "OK", "reason": ""}
        assert registry.get_sample_value("grpc_server_handled_total", labels) == 0


def test_every_method_of_the_contract_has_its_own_label() -> None:
    assert {metrics.known(method.value, metrics.METHODS) for method in Method} == {method.value for method in Method}


def test_the_documentation_lists_every_metric() -> None:
    text = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
    registry = CollectorRegistry()
    metrics.ServerMetrics(registry=registry)
    metrics.ExchangeMetrics(registry=registry, integrations=())
    metrics.TokenMetrics(registry=registry, integrations=())
    metrics.AuditMetrics(registry=registry)
    metrics.ProcessMetrics(registry=registry, processes=())

    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"| `{name}" in text


@pytest.fixture
def listener() -> Iterator[MetricsListener]:
    made = MetricsListener(host="127.0.0.1", port=0, read=lambda: b"some 1\n").start()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/metrics", 200), ("GET", "/", 404), ("POST", "/metrics", 501)]
)
def test_the_listener_answers_one_question_only(listener: MetricsListener, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection(listener.address)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    assert answer.status == status
    assert (body == b"some 1\n") is (status == 200)
