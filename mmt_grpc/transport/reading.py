"""The innermost interceptor: a body becomes a request that fits, of a client that its caller may act for."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError, MmtError, Violation
from mmt_grpc.domain.verbs import Call
from mmt_grpc.transport.arrival import Arrival, Authorised, Refusals
from mmt_grpc.transport.violations import Validator

Request = TypeVar("Request", pb.ConnectRequest, pb.ResolveRequest, pb.RevokeRequest, pb.CheckScopeRequest)


def read(
    request_type: type[Request],
    handler: Callable[[Call, Request], Message],
    *,
    validator: Validator,
    refusals: Refusals,
) -> Authorised:
    """Wrap a handler so that it is given requests that were parsed, admitted for their client and validated."""

    def read_and_handle(body: bytes, arrival: Arrival) -> bytes:
        try:
            request = _parsed(request_type, body)
            client_id = arrival.caller.client_for(request.client_id)
            validator.check(request)
        except MmtError as error:
            refusals.record(arrival, error)
            raise
        response = handler(Call(arrival.call_id, arrival.caller, client_id, arrival.deadline), request)
        # Here and not by grpcio, whose answer to an error in it would be one of its own.
        return response.SerializeToString()

    return read_and_handle


def _parsed(request_type: type[Request], body: bytes) -> Request:
    try:
        return request_type.FromString(body)
    except DecodeError:
        # The cause's text may quote the body.
        raise InvalidRequestError(Violation("request", "must be a message of the method's type")) from None
