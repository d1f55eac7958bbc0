"""Whoever keeps health's Watch or reflection busy, and needs no credentials for it, takes nothing from Check."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from mmt_grpc.transport.options import ServerOptions
from mmt_grpc.transport.server import TokenServer
from mmt_grpc.transport.side_services import THREADS
from tests.transport.served import Client, Served, serving

MESSAGELESS = ["grpc.health.v1.Health/Watch", "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]
REFLECTING = ServerOptions(listen="127.0.0.1:0", allow_plaintext=True, reflection=True)


@pytest.mark.parametrize("method", MESSAGELESS)
def test_streams_whose_message_never_comes_hold_up_no_check(served: Served, method: str) -> None:
    end = threading.Event()

    def nothing() -> Iterator[bytes]:
        end.wait()
        yield from ()

    with serving(served, REFLECTING) as client:
        stream: Any = client.channel.stream_stream(f"/{method}")
        calls = [stream(nothing()) for _ in range(2 * THREADS)]
        try:
            assert [client.health() for _ in range(THREADS)] == ["SERVING"] * THREADS
        finally:
            for call in calls:
                call.cancel()
            end.set()


def watch(client: Client, service: str) -> Any:
    stream: Any = client.channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return stream(health_pb2.HealthCheckRequest(service=service))


def test_names_that_nobody_serves_are_not_remembered(served: Served) -> None:
    server: TokenServer = served.server()
    port = server.bind()
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = Client(channel, port)
        for number in range(10):
            calls = watch(client, f"name-{number}")
            assert [answer.status for answer in itertools.islice(calls, 1)] == [
                health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            ]
            calls.cancel()
    server.drain(0)
    servicer: Any = server._health
    assert set(servicer._send_response_callbacks) <= {"", "mmt.v1.TokenService", "?"}


@pytest.mark.parametrize("service", ["", "mmt.v1.TokenService"])
def test_who_watches_is_told_of_each_change(served: Served, service: str) -> None:
    server = served.server()
    port = server.bind()
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        calls = watch(Client(channel, port), service)
        assert next(calls).status == health_pb2.HealthCheckResponse.SERVING
        server.announce_drain()
        assert next(calls).status == health_pb2.HealthCheckResponse.NOT_SERVING
        calls.cancel()
    server.drain(0)
