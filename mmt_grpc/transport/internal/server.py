"""The exchanger's end of the internal RPC: a unix socket in a private directory, and a secret."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc

from mmt.internal.v1 import exchanger_service_pb2_grpc as stubs
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import Exchanger
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.admission import Places, admitted
from mmt_grpc.transport.credentials import ListenError
from mmt_grpc.transport.handlers_end import wait_for_handlers
from mmt_grpc.transport.internal import peer_secret
from mmt_grpc.transport.internal.servicer import ExchangerServicer
from mmt_grpc.transport.sanitise import Behaviour, Request, Response, sanitised

LONGEST_SOCKET_PATH: Final = 107
SPARE_THREADS: Final = 16
UNLISTED: Final = Places(0)
MAX_MESSAGE: Final = 1024 * 1024
"""Bytes: a row's sealed columns, or a Connect, with much room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangerPlaces:
    """How many calls of each method run at once: a provider's slowness in one must not keep the others waiting."""

    connect: int = 256
    probe: int = 128
    complete_revocation: int = 128
    refresh: int = 64
    stage_revocation: int = 64

    def by_method(self) -> Mapping[str, Places]:
        """Return the places of each method; a method that has none here is refused."""
        return {
            "Connect": Places(self.connect),
            "Probe": Places(self.probe),
            "CompleteRevocation": Places(self.complete_revocation),
            "Refresh": Places(self.refresh),
            "StageRevocation": Places(self.stage_revocation),
        }

    @property
    def threads(self) -> int:
        """The size of the thread pool; threads are made when they are needed."""
        calls = self.connect + self.probe + self.complete_revocation + self.refresh + self.stage_revocation
        return calls + SPARE_THREADS


class ExchangerServer:
    """Serves an `Exchanger` to the workers of its replica."""

    def __init__(
        self,
        *,
        exchanger: Exchanger,
        socket_path: str,
        secret: Secret,
        log: EventLog,
        places: ExchangerPlaces | None = None,
    ) -> None:
        places = places or ExchangerPlaces()
        self._socket_path = socket_path
        self._pool = ThreadPoolExecutor(places.threads, thread_name_prefix="worker-call")
        self._server = grpc.server(
            self._pool,
            interceptors=[_Guard(secret=secret, log=log, places=places.by_method())],
            options=[("grpc.max_receive_message_length", MAX_MESSAGE)],
        )
        stubs.add_ExchangerServiceServicer_to_server(ExchangerServicer(exchanger=exchanger), self._server)

    def start(self) -> None:
        """Bind the socket and serve; raises `ListenError`."""
        if len(self._socket_path.encode()) > LONGEST_SOCKET_PATH:
            raise ListenError(f"the exchanger's socket path is longer than {LONGEST_SOCKET_PATH} bytes")
        credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
        try:
            self._server.add_secure_port(f"unix:{self._socket_path}", credentials)
        except RuntimeError:
            raise ListenError(f"cannot listen on {self._socket_path}") from None
        self._server.start()

    def stop(self, grace: float) -> None:
        """Take no more calls, wait up to `grace` seconds for those that run, cancel the rest, and return."""
        until = time.monotonic() + grace
        self._server.stop(grace).wait()
        wait_for_handlers(self._pool, until - time.monotonic())


class _Guard(grpc.ServerInterceptor):
    """Puts each method behind its status table, the secret and its places; wrapped once, not per call."""

    def __init__(self, *, secret: Secret, log: EventLog, places: Mapping[str, Places]) -> None:
        self._secret = secret
        self._log = log
        self._places = places
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        path = handler_call_details.method
        if path not in self._wrapped:
            handler = continuation(handler_call_details)
            if handler is None or handler.unary_unary is None:
                return None
            self._wrapped[path] = self._wrap(path.rpartition("/")[2], handler, handler.unary_unary)
        return self._wrapped[path]

    def _wrap(
        self, method: str, handler: "grpc.RpcMethodHandler[Any, Any]", behaviour: Behaviour[Any, Any]
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        behaviour = admitted(behaviour, rooms=(self._places.get(method, UNLISTED),))
        return grpc.unary_unary_rpc_method_handler(
            sanitised(method, self._proven(behaviour), log=self._log),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _proven(self, inner: Behaviour[Request, Response]) -> Behaviour[Request, Response]:
        def prove(request: Request, context: grpc.ServicerContext) -> Response:
            peer_secret.check(self._secret, context.invocation_metadata())
            return inner(request, context)

        return prove
