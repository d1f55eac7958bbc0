"""Health and reflection: without credentials, uncounted, and in threads of their own: nobody starves another."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.transport.bodies import Bodies, Messages
from mmt_grpc.transport.reflection import SERVICES, MethodAwarePool

THREADS: Final = 8
_NOBODYS: Final = "?"


class SidePools:
    """The threads of health's Check, of its Watch and of reflection.

    Each has its own: a stream whose message never comes, or that is kept open, holds a thread of the latter two for as
    long as its caller likes, and Check is what a machine's life hangs on.
    """

    def __init__(self) -> None:
        self.check, self.watch, self.reflection = (
            ThreadPoolExecutor(THREADS, thread_name_prefix=name) for name in ("check", "watch", "reflection")
        )

    def close(self) -> None:
        """Begin nothing more."""
        for pool in (self.check, self.watch, self.reflection):
            pool.shutdown(wait=False, cancel_futures=True)


class _InPool:
    """A method that grpcio runs in a pool of its own: it looks for this attribute."""

    def __init__(self, pool: ThreadPoolExecutor, behaviour: Callable[..., Any]) -> None:
        self.experimental_thread_pool = pool
        self._behaviour = behaviour

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401  # passes on whatever grpcio passes
        return self._behaviour(*arguments)


def health_handler(
    servicer: health.HealthServicer, bodies: Bodies, pool: ThreadPoolExecutor, *, services: Collection[str]
) -> grpc.GenericRpcHandler:
    """Return the standard health service; `Watch` gets its pool from the servicer.

    The servicer remembers for ever every name that anybody has watched. So all those that are not among `services`,
    and are answered SERVICE_UNKNOWN for good, are one name to it.
    """

    def check(messages: Messages, context: grpc.ServicerContext) -> bytes:
        try:
            request = health_pb2.HealthCheckRequest.FromString(bodies.take(messages, context))
        except (DecodeError, InvalidRequestError):
            request = None
        except DeadlineError:
            return b""
        if request is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request is malformed.")
        return bytes(servicer.Check(request, context).SerializeToString())

    def watched(body: bytes) -> health_pb2.HealthCheckRequest:
        request = health_pb2.HealthCheckRequest.FromString(body)
        return request if request.service in services else health_pb2.HealthCheckRequest(service=_NOBODYS)

    return grpc.method_handlers_generic_handler(
        health.SERVICE_NAME,
        {
            "Check": grpc.stream_unary_rpc_method_handler(_InPool(pool, check)),
            "Watch": grpc.unary_stream_rpc_method_handler(
                servicer.Watch,
                request_deserializer=watched,
                response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
            ),
        },
    )


def reflection_handler(pool: ThreadPoolExecutor) -> grpc.GenericRpcHandler:
    """Return the reflection service, which lets clients ask the server for its services and messages."""
    descriptors: Any = MethodAwarePool()
    servicer = reflection.ReflectionServicer(SERVICES, pool=descriptors)

    def info(
        requests: Iterator[reflection_pb2.ServerReflectionRequest], context: grpc.ServicerContext
    ) -> Iterator[reflection_pb2.ServerReflectionResponse]:
        answers: Iterator[reflection_pb2.ServerReflectionResponse] = servicer.ServerReflectionInfo(requests, context)
        return answers

    return grpc.method_handlers_generic_handler(
        reflection.SERVICE_NAME,
        {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                _InPool(pool, info),
                request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        },
    )
