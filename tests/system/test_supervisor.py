"""The supervisor's death and its ordered end: no process stays behind, and accepted calls are answered."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.clients import READ, Caller, Refused, refusal, token_of
from tests.support.crashing import ASLEEP, CONNECT, EXCHANGERS_REVOKE, REFRESH, WORKERS_REVOKE, again, reached, spool
from tests.support.places import family
from tests.support.processes import is_running, kill
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

A_DAY = {"seconds": 86_400}
LEFT_TO_THE_WORKER = ("revoke.before_ledger", "revoke.after_ledger", "revoke.after_stage")


def lose_the_supervisor(service: Service, point: str, call: Any) -> None:
    """Kill the supervisor while a call is at the point; afterwards none of its processes lives."""
    pids = family(service.dev)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call)
        until(lambda: reached(service.dev, point), f"the call comes to {point}")
        kill(pids[0])
        service.dev.process.wait()
        until(lambda: not any(map(is_running, pids)), "no process stays behind")
        try:
            answer.result()
        except Refused as refused:
            assert refused.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}  # noqa: PT017  # may end well


def paused(state_dir: Path, point: str) -> Any:
    """Run an installation that stays at a point; it asks for no account, for the sandbox dies with its supervisor."""
    env = {"MMT_FAILPOINTS": f"{point}=sleep:{ASLEEP}", "MMT_PROVIDERS__COINBASE__ACCOUNT_URL": ""}
    return running_service(state_dir, expect_exit=None, **env)


@pytest.mark.parametrize("point", CONNECT)
def test_a_supervisor_that_dies_in_a_connect_takes_all_along_and_the_next_one_knows_the_answer(
    tmp_path: Path, point: str
) -> None:
    user, account = someone(), someone("account")
    with paused(tmp_path, point) as service:
        given = {"authorization_code": service.code("coinbase", account), "request_id": "only-once"}
        lose_the_supervisor(service, point, lambda: service.write.connect(user, "coinbase", READ, **given))
    with running_service(tmp_path) as service:
        # The exchanger brings what it has begun to its end, though nobody waits for it any more.
        answer = again(lambda: service.write.connect(user, "coinbase", READ, **given))
        assert service.is_live("coinbase", account, token_of(service.write.resolve(answer.token_id)))
        books = service.books("coinbase", account)
        assert (books["exchanges"], books["reuses"]) == (1, 0)
        assert not [name for name in spool(tmp_path) if name.startswith("grant")]


@pytest.mark.parametrize("point", REFRESH)
def test_a_supervisor_that_dies_in_a_refresh_takes_all_along_and_no_token_is_spent_twice(
    tmp_path: Path, point: str
) -> None:
    user, account = someone(), someone("account")
    with paused(tmp_path, point) as service:
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(user, "coinbase", READ, oauth_tokens=tokens).token_id
        lose_the_supervisor(service, point, lambda: service.write.resolve(token_id, min_validity=A_DAY))
    with running_service(tmp_path) as service:
        token = token_of(service.write.resolve(token_id, min_validity=A_DAY))
        assert service.is_live("coinbase", account, token)
        books = service.books("coinbase", account)
        assert (books["refreshes"], books["reuses"]) == (1, 0)
        assert token != tokens.access_token


@pytest.mark.parametrize("point", [*WORKERS_REVOKE, *EXCHANGERS_REVOKE])
def test_a_supervisor_that_dies_in_a_revoke_takes_all_along_and_the_revoke_stands_or_is_repeated(
    tmp_path: Path, point: str
) -> None:
    with paused(tmp_path, point) as service:
        token_id, account = service.connected("uphold")
        lose_the_supervisor(service, point, lambda: service.write.revoke(token_id))
    with running_service(tmp_path) as service:
        if point == "revoke.before_ledger":
            service.write.revoke(token_id)
        # From the ledger's record on nobody has to repeat it: the next start ends it before it serves.
        assert refusal(lambda: service.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
        assert refusal(lambda: service.write.revoke(token_id)).reason == "TOKEN_NOT_FOUND"
        until(lambda: not service.books("uphold", account)["live"], "the exchange is told")


def health_of(caller: Caller) -> int:
    stub: Any = health_pb2_grpc.HealthStub(caller.channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status)


def test_an_ordered_end_answers_the_calls_that_were_accepted_and_says_that_nobody_serves(tmp_path: Path) -> None:
    """New calls are turned away, the slow ones get their token, every process ends by itself with 0."""
    with running_service(tmp_path, expect_exit=0) as service:
        slow, account = service.expired()
        service.fault("coinbase", account, "slow", seconds=5)
        connecting = someone("account")
        code = service.code("uphold", connecting)
        service.fault("uphold", connecting, "slow", seconds=5, endpoint="token")
        pids = family(service.dev)
        watching: Any = health_pb2_grpc.HealthStub(service.read.channel)
        states = watching.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(states).status == health_pb2.HealthCheckResponse.SERVING
        with ThreadPoolExecutor(2) as pool:
            resolved = pool.submit(lambda: service.write.resolve(slow))
            connected = pool.submit(lambda: service.write.connect(someone(), "uphold", READ, authorization_code=code))
            until(lambda: service.books("coinbase", account)["refreshes"], "the refresh is under way")
            until(lambda: service.books("uphold", connecting)["exchanges"], "the Connect is under way")
            os.kill(service.dev.process.pid, signal.SIGTERM)
            assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert token_of(resolved.result())
            assert connected.result().token_id
        assert service.dev.process.wait(60) == 0
        assert not any(map(is_running, pids))
        assert not service.dev.ready_file.exists()
    with running_service(tmp_path) as service:
        assert token_of(service.write.resolve(slow)) == token_of(resolved.result())
        assert service.books("coinbase", account)["refreshes"] == 1
        assert health_of(service.read) == health_pb2.HealthCheckResponse.SERVING
        assert not spool(tmp_path) or all("grant" not in name for name in spool(tmp_path))
