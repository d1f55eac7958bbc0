"""A public server on loopback with stand-ins behind it, and what a test needs of its callers' side."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # it ships no py.typed
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mmt.v1 import token_service_pb2_grpc as stubs
from mmt_grpc.transport.arrival import Authenticator
from mmt_grpc.transport.options import ServerOptions
from mmt_grpc.transport.server import TokenServer
from tests.transport.stand_ins import (
    BootClock,
    OneCaller,
    OsRandomness,
    RecordingAudit,
    RecordingLog,
    RecordingMetrics,
    RecordingVerbs,
)


@dataclass
class Served:
    verbs: RecordingVerbs = field(default_factory=RecordingVerbs)
    authenticator: Authenticator = field(default_factory=OneCaller)
    audit: RecordingAudit = field(default_factory=RecordingAudit)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)
    log: RecordingLog = field(default_factory=RecordingLog)

    def server(self, options: ServerOptions | None = None) -> TokenServer:
        return TokenServer(
            verbs=self.verbs.verbs(),
            authenticator=self.authenticator,
            audit=self.audit,
            metrics=self.metrics,
            log=self.log,
            clock=BootClock(),
            randomness=OsRandomness(),
            options=options or ServerOptions(listen="127.0.0.1:0", allow_plaintext=True),
        )


@dataclass
class Client:
    channel: grpc.Channel
    port: int

    @property
    def tokens(self) -> stubs.TokenServiceStub:
        return stubs.TokenServiceStub(self.channel)

    def health(self, service: str = "") -> str:
        stub: Any = health_pb2_grpc.HealthStub(self.channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=60)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def raw(self, method: str, body: bytes, **arguments: Any) -> bytes:
        bytes_through: Any = self.channel.unary_unary(f"/mmt.v1.TokenService/{method}")
        answer: bytes = bytes_through(body, **arguments)
        return answer


@contextmanager
def serving(served: Served, options: ServerOptions | None = None) -> Iterator[Client]:
    server = served.server(options)
    port = server.bind()
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Client(channel, port)
    finally:
        server.drain(0)


@dataclass
class Refusal:
    """A failed call as a caller sees it."""

    code: grpc.StatusCode
    message: str
    status: status_pb2.Status | None
    info: error_details_pb2.ErrorInfo
    retry: error_details_pb2.RetryInfo | None
    violations: dict[str, str]

    @property
    def reason(self) -> str:
        return str(self.info.reason)


def refusal_of(error: grpc.RpcError) -> Refusal:
    call: Any = error
    raw = dict(call.trailing_metadata() or ()).get("grpc-status-details-bin")
    status = None if raw is None else status_pb2.Status.FromString(raw)
    info, retry, bad = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
    found = [detail for detail in (status.details if status is not None else ()) if detail.Unpack(retry)]
    for detail in status.details if status is not None else ():
        detail.Unpack(info)
        detail.Unpack(bad)
    violations = {entry.field: entry.description for entry in bad.field_violations}
    return Refusal(call.code(), call.details(), status, info, retry if found else None, violations)
