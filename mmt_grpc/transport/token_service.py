"""The method table of `mmt.v1.TokenService`: each handler behind its interceptors, outer to inner."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.message import Message

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.verbs import Call, Verbs
from mmt_grpc.transport.admission import Places, admitted
from mmt_grpc.transport.arrival import Authenticator, Deadlines, Refusals, authorised
from mmt_grpc.transport.bodies import Bodies, Messages
from mmt_grpc.transport.metrics import CallMetrics, measured
from mmt_grpc.transport.reading import Request, read
from mmt_grpc.transport.sanitise import Behaviour, sanitised
from mmt_grpc.transport.token_handlers import TokenHandlers
from mmt_grpc.transport.violations import Validator

SERVICE: Final = "mmt.v1.TokenService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interceptors:
    """What stands between a caller's bytes and a handler; built once, shared by all calls.

    They are applied to the table's methods when it is made. gRPC's own interceptors would run for health checks and
    reflection too, and on the one thread that polls.
    """

    authenticator: Authenticator
    audit: Audit
    metrics: CallMetrics
    log: EventLog
    clock: Clock
    randomness: Randomness
    bodies: Bodies
    deadlines: Deadlines
    max_calls: int
    revoke_slots: int


def method_table(verbs: Verbs, interceptors: Interceptors) -> grpc.GenericRpcHandler:
    """Return the service's handlers, bytes in and bytes out; any other method is gRPC's own UNIMPLEMENTED."""
    handlers = TokenHandlers(verbs=verbs)
    chain = Chain(interceptors, find_integration=verbs.find_integration)
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            Method.CONNECT: chain.around(Method.CONNECT, pb.ConnectRequest, handlers.connect),
            Method.RESOLVE: chain.around(Method.RESOLVE, pb.ResolveRequest, handlers.resolve),
            Method.REVOKE: chain.around(Method.REVOKE, pb.RevokeRequest, handlers.revoke),
            Method.CHECK_SCOPE: chain.around(Method.CHECK_SCOPE, pb.CheckScopeRequest, handlers.check_scope),
        },
    )


class Chain:
    """Puts a handler behind all interceptors; the methods that it is used for share their places."""

    def __init__(
        self, interceptors: Interceptors, *, find_integration: Callable[[str], object] = lambda _: None
    ) -> None:
        """`find_integration` as in `Verbs`."""
        self._with = interceptors
        self._validator = Validator(find_integration=find_integration)
        self._refusals = Refusals(audit=interceptors.audit)
        self._everyone = Places(interceptors.max_calls)
        self._revokes = Places(interceptors.revoke_slots)

    def around(
        self, method: str, request_type: type[Request], handler: Callable[[Call, Request], Message]
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return a method's handler for grpcio; a method that no caller is admitted to refuses them all."""
        rooms = (self._everyone, self._revokes) if method == Method.REVOKE else (self._everyone,)
        reading = read(request_type, handler, validator=self._validator, refusals=self._refusals)
        behaviour: Behaviour[Messages, bytes] = authorised(
            method,
            reading,
            authenticator=self._with.authenticator,
            refusals=self._refusals,
            deadlines=self._with.deadlines,
            bodies=self._with.bodies,
            clock=self._with.clock,
            randomness=self._with.randomness,
        )
        behaviour = admitted(behaviour, rooms=rooms)
        behaviour = measured(method, behaviour, metrics=self._with.metrics, clock=self._with.clock)
        behaviour = sanitised(method, behaviour, log=self._with.log)
        # No deserialiser: a body that cannot be parsed is refused in its turn, after the caller is known. Why a stream:
        # see `Bodies`; on the wire a stream of one message is that message.
        return grpc.stream_unary_rpc_method_handler(behaviour)
