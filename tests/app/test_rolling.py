"""SIGHUP: settings are read again and every child takes them, one after the other, while calls go on."""

import os
import signal
import threading
from pathlib import Path
from typing import cast

import grpc
import pytest

from mmt.v1 import token_service_pb2, token_service_pb2_grpc
from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.rolling import Post, Roll
from tests.support.clients import READ
from tests.support.processes import children
from tests.support.service import Service, running_service
from tests.support.waiting import until

BUG_OF_THE_CORE = grpc.StatusCode.CANCELLED
"""What gRPC's core says to a call that arrives in the instant of a server's stop (grpc/grpc#41785): never accepted."""


def plan(role: str, *, serves: bool = False) -> ChildPlan:
    return ChildPlan(role=role, module="m", start=dict, serves=serves, opens_gate=role == "exchanger")


def test_a_roll_takes_the_exchanger_first_and_a_new_worker_before_an_old_one_leaves() -> None:
    old = [Post(plan("sandbox")), Post(plan("exchanger")), Post(plan("worker-0", serves=True))]

    roll = Roll.over(old, [plan("sandbox"), plan("exchanger"), plan("worker-1", serves=True)])

    assert [post.plan.role for post in roll.coming] == ["exchanger", "worker-1"]
    assert [post.plan.role for post in roll.going] == ["worker-0"]


def test_calls_go_on_while_every_child_is_replaced() -> None:
    with running_service(MMT_WORKERS="2") as service:
        token_id, _ = service.connected()
        before = children(service.dev.process.pid)
        stop, codes = threading.Event(), list[grpc.StatusCode]()
        callers = [threading.Thread(target=call, args=(service, token_id, stop, codes)) for _ in range(4)]
        for caller in callers:
            caller.start()
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"roll_ended"' in service.dev.logs(), "the roll ends")
        until(lambda: len(children(service.dev.process.pid)) == len(before), "the old ones are gone")
        stop.set()
        for caller in callers:
            caller.join()
        after = children(service.dev.process.pid)

    assert {title for title in after if "worker" in title} == {"mmt: worker 2", "mmt: worker 3"}
    assert after["mmt: exchanger"] != before["mmt: exchanger"]
    assert after["mmt: sandbox"] == before["mmt: sandbox"]
    assert set(codes) - {BUG_OF_THE_CORE} == {grpc.StatusCode.OK}


def call(service: Service, token_id: str, stop: threading.Event, codes: list[grpc.StatusCode]) -> None:
    """Resolve over and over on one channel, as a backend service does: with what gRPC retries by itself."""
    metadata = (("authorization", f"Bearer {service.dev.api_keys['write']}"),)
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(service.dev.address, options=options) as channel:
        tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        while not stop.is_set():
            request = token_service_pb2.ResolveRequest(token_id=token_id, required_scope=READ)
            try:
                tokens.Resolve(request, metadata=metadata, timeout=30)
            except grpc.RpcError as error:
                codes.append(cast("grpc.Call", error).code())
            else:
                codes.append(grpc.StatusCode.OK)


@pytest.mark.parametrize("text", ["[nonsense", "max_calls = 0"])
def test_settings_that_cannot_be_used_change_nothing(tmp_path: Path, text: str) -> None:
    config = tmp_path / "extra.toml"
    config.write_text("", encoding="utf-8")
    with running_service(MMT_CONFIG=str(config)) as service:
        before = children(service.dev.process.pid)
        config.write_text(text, encoding="utf-8")
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"settings_refused"' in service.dev.logs(), "the settings are refused")

        assert children(service.dev.process.pid) == before
