"""Health and reflection: without credentials, uncounted, and in threads of their own: nobody starves another."""

from collections.abc import Callable, Iterator
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


class _InPool:
    """A method that grpcio runs in a pool of its own: it looks for this attribute."""

    def __init__(self, pool: ThreadPoolExecutor, behaviour: Callable[..., Any]) -> None:
        self.experimental_thread_pool = pool
        self._behaviour = behaviour

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401  # passes on whatever grpcio passes
        return self._behaviour(*arguments)


def health_handler(servicer: health.HealthServicer, bodies: Bodies, pool: ThreadPoolExecutor) -> grpc.GenericRpcHandler:
    """Return the standard health service; `Watch` gets its pool from the servicer."""

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

    return grpc.method_handlers_generic_handler(
        health.SERVICE_NAME,
        {
            "Check": grpc.stream_unary_rpc_method_handler(_InPool(pool, check)),
            "Watch": grpc.unary_stream_rpc_method_handler(
                servicer.Watch,
                request_deserializer=health_pb2.HealthCheckRequest.FromString,
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
