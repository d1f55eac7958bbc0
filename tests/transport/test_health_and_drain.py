"""Health says whether a call would work, without credentials; a drain ends calls in order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from mmt.v1 import token_service_pb2 as pb
from tests.transport.served import Client, Served
from tests.transport.stand_ins import GOOD, TOKEN_ID

REVOKE = pb.RevokeRequest(token_id=TOKEN_ID)
SERVICES = ["", "mmt.v1.TokenService"]
PATIENCE = 60


@pytest.mark.parametrize("service", SERVICES)
def test_a_server_that_serves_says_so_to_anybody(served: Served, client: Client, service: str) -> None:
    assert client.health(service) == "SERVING"
    assert served.metrics.observed == []


def test_an_unknown_service_is_not_found(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.health("mmt.v1.Other")
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("service", SERVICES)
def test_health_follows_what_it_is_told_until_the_drain_begins(served: Served, service: str) -> None:
    server = served.server()
    port = server.bind()
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = Client(channel, port)
        server.set_serving(serving=False)
        assert client.health(service) == "NOT_SERVING"
        server.set_serving(serving=True)
        assert client.health(service) == "SERVING"
        server.announce_drain()
        server.set_serving(serving=True)
        assert client.health(service) == "NOT_SERVING"
        assert client.tokens.Revoke(REVOKE, metadata=GOOD).upstream
    server.drain(0)


def refusal_of_latecomers(port: int) -> grpc.StatusCode:
    """Call until the server takes no more calls, and return how it says so."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        while True:
            try:
                Client(channel, port).health()
            except grpc.RpcError as error:
                call: Any = error
                code: grpc.StatusCode = call.code()
                return code


def test_a_drain_lets_running_calls_end_and_takes_no_more(served: Served) -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def act(_: str) -> None:
        arrived.set()
        assert let_go.wait(PATIENCE)

    served.verbs.act = act
    server = served.server()
    port = server.bind()
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(1) as elsewhere:
        running: Any = Client(channel, port).tokens.Revoke.future(REVOKE, metadata=GOOD)
        assert arrived.wait(PATIENCE)
        drained = elsewhere.submit(server.drain, PATIENCE)
        refusal = refusal_of_latecomers(port)
        let_go.set()
        # gRPC's core cancels, where it should be unavailable to, what arrives in the instant of the stop.
        assert refusal in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert running.result(timeout=PATIENCE).upstream
        drained.result(timeout=PATIENCE)


def test_a_drain_does_not_wait_for_longer_than_its_grace(served: Served) -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def act(_: str) -> None:
        arrived.set()
        assert let_go.wait(PATIENCE)

    served.verbs.act = act
    server = served.server()
    port = server.bind()
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        running: Any = Client(channel, port).tokens.Revoke.future(REVOKE, metadata=GOOD)
        assert arrived.wait(PATIENCE)
        server.drain(0)
        assert running.code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
        let_go.set()
