"""Many callers at once: one refresh, limits that hold, and nobody hurt by somebody else's slow provider."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mmt.v1 import token_service_pb2 as pb
from tests.support.clients import PATIENCE, READ, Caller, Refused, refusal, token_of
from tests.support.replica import running_serve
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

WAITERS = 64
WAITING = 96
"""Of 128 calls, for all providers together."""
HELD = 8.0
"""Seconds that a slow provider takes: below its total timeout, and enough for a crowd to arrive on a busy machine."""


@contextlib.contextmanager
def crowd(address: str, api_key: str, connections: int = 4) -> Iterator[Sequence[Caller]]:
    """Callers with connections of their own: what many backend services look like."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Caller(address, api_key))) for _ in range(connections)]


def resolving(callers: Sequence[Caller], token_id: str, count: int) -> list[grpc.Future[pb.ResolveResponse]]:
    """Start `count` Resolves of one token, spread over the callers."""
    request = pb.ResolveRequest(token_id=token_id, required_scope=READ)
    return [
        caller.stub.Resolve.future(request, metadata=caller.metadata, timeout=PATIENCE)
        for caller in itertools.islice(itertools.cycle(callers), count)
    ]


def outcomes(calls: Sequence[grpc.Future[pb.ResolveResponse]]) -> tuple[list[str], list[Refused]]:
    """Wait for all; return the tokens that came and the refusals."""
    tokens, refusals = [], []
    for call in calls:
        try:
            tokens.append(token_of(call.result()))
        except grpc.RpcError as error:
            refusals.append(Refused(error))
    return tokens, refusals


@pytest.mark.parametrize("integration", ["coinbase", "uphold"])
def test_fifty_callers_that_find_one_token_expired_cause_one_refresh_and_all_get_the_new_token(
    either: Service, integration: str
) -> None:
    token_id, account = either.expired(integration)
    with crowd(either.dev.address, either.dev.api_keys["write"]) as callers:
        tokens, refusals = outcomes(resolving(callers, token_id, 50))
    assert not refusals
    assert len(tokens) == 50
    (token,) = set(tokens)
    assert either.is_live(integration, account, token)
    books = either.books(integration, account)
    assert (books["refreshes"], books["reuses"]) == (1, 0)


def test_two_replicas_share_one_refresh_between_them(on_mariadb: Service, tmp_path: Path) -> None:
    service = on_mariadb
    key = service.dev.api_keys["write"]
    with (
        running_serve(service.dev.config, tmp_path / "second") as replica,
        crowd(service.dev.address, key, 2) as ours,
        crowd(replica.address, key, 2) as theirs,
    ):
        for _ in range(3):
            token_id, account = service.expired()
            tokens, refusals = outcomes([*resolving(ours, token_id, 25), *resolving(theirs, token_id, 25)])
            assert not refusals
            assert len(set(tokens)) == 1
            books = service.books("coinbase", account)
            assert (books["refreshes"], books["reuses"]) == (1, 0)


@pytest.fixture(scope="module")
def crowded() -> Iterator[Service]:
    """An installation of its own: what saturates it must not meet other tests."""
    with running_service() as service:
        yield service


def test_at_most_64_calls_wait_for_one_provider_and_the_others_are_told_at_once(crowded: Service) -> None:
    token_id, account = crowded.expired()
    valid, _ = crowded.connected()
    elsewhere, _ = crowded.connected("uphold")
    crowded.fault("coinbase", account, "slow", seconds=HELD)
    with crowd(crowded.dev.address, crowded.dev.api_keys["write"]) as callers:
        calls = resolving(callers, token_id, WAITERS + 6)
        early = until(lambda: [call for call in calls if call.done()] and calls, "somebody is told at once")
        assert token_of(crowded.write.resolve(valid))
        assert token_of(crowded.write.resolve(elsewhere))
        assert crowded.connected("uphold")[0]
        tokens, refusals = outcomes(early)
    assert len(tokens) == WAITERS
    assert len(set(tokens)) == 1
    assert {refused.reason for refused in refusals} == {"PROVIDER_UNAVAILABLE"}
    assert all(refused.retry_after for refused in refusals)
    assert crowded.books("coinbase", account)["refreshes"] == 1


def test_two_slow_providers_leave_a_worker_to_the_calls_that_need_none(crowded: Service) -> None:
    busy = {integration: crowded.expired(integration) for integration in ("coinbase", "uphold")}
    valid, _ = crowded.connected()
    doomed, doomed_account = crowded.connected()
    token = token_of(crowded.write.resolve(doomed))
    for integration, (_, account) in busy.items():
        crowded.fault(integration, account, "slow", seconds=HELD)
    with crowd(crowded.dev.address, crowded.dev.api_keys["write"]) as callers:
        calls = [call for token_id, _ in busy.values() for call in resolving(callers, token_id, WAITERS)]
        early = until(lambda: [call for call in calls if call.done()], "somebody is told at once")
        assert token_of(crowded.write.resolve(valid))
        assert crowded.write.check_scope(valid).allowed
        code = crowded.code("coinbase", someone("account"))
        refused = refusal(lambda: crowded.write.connect(someone(), "coinbase", authorization_code=code))
        assert refused.reason == "PROVIDER_UNAVAILABLE"
        assert refused.retry_after
        crowded.write.revoke(doomed)
        assert not crowded.is_live("coinbase", doomed_account, token)
        health = _health(crowded)
        assert health == health_pb2.HealthCheckResponse.SERVING
        waiting = [call for call in calls if not call.done()]
        assert len(waiting) == WAITING, "the crowd has gone: the machine is too slow for this test"
        assert len(early) <= len(calls) - WAITING
        tokens, refusals = outcomes(calls)
    assert len(tokens) == WAITING
    assert {refused.reason for refused in refusals} == {"PROVIDER_UNAVAILABLE"}


def _health(service: Service) -> int:
    stub: Any = health_pb2_grpc.HealthStub(service.write.channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status)


def test_two_workers_on_one_address_both_answer(tmp_path: Path) -> None:
    with running_service(tmp_path, MMT_WORKERS="2") as service:
        token_id, _ = service.connected()
        token = token_of(service.write.resolve(token_id))

        def answered() -> set[str]:
            with contextlib.closing(Caller(service.dev.address, service.dev.api_keys["read"])) as caller:
                assert token_of(caller.resolve(token_id)) == token
            files = [path for path in service.dev.audit_path.iterdir() if b'"Resolve"' in path.read_bytes()]
            return {path.name for path in files if "worker" in path.name}

        until(lambda: len(answered()) == 2, "both workers have answered a Resolve")
