"""Clients of the service in the domain's own types: the four verbs, and health.

    target = Target(address="127.0.0.1:50051")
    with TokenClient(target=target, api_key=Secret(os.environ["MMT_API_KEY"])) as tokens:
        resolved = tokens.resolve(ResolveQuery(token_id, end_user_id=None, required=Scope.READ))

Every call raises `CallFailedError`; its `reason` says what to do next.
"""

import enum
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from mmt.v1 import token_service_pb2 as pb
from mmt.v1 import token_service_pb2_grpc as stubs
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import ConnectCommand, ConnectResult, Resolved, ResolveQuery, Revoked, ScopeAnswer
from mmt_grpc.transport import client_conversion as conversion
from mmt_grpc.transport.channel import Target, TargetError
from mmt_grpc.transport.client_errors import CallFailedError, failure_of
from mmt_grpc.transport.enums import SCOPES

__all__ = ["CallFailedError", "Health", "HealthClient", "Target", "TargetError", "TokenClient"]

DEFAULT_TIMEOUT: Final = 30.0
"""Seconds: a Connect may wait for more than one answer of a provider."""
HEALTH_TIMEOUT: Final = 3.0
Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Result = TypeVar("Result")


class TokenClient:
    """`mmt.v1.TokenService` for one client company, safe to use from several threads; close it at the end.

    Nothing is retried here: `retry_after` of a failure says when another try may help.
    """

    def __init__(
        self, *, target: Target, api_key: Secret, client_id: str = "", timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """`client_id` may stay empty for a key of one client; `timeout` in seconds, for each call.

        Raises `TargetError`, and `ValueError` for an API key that no header can carry.
        """
        text = api_key.reveal()
        # gRPC would say so with the whole header in its text.
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("an API key is printable ASCII without spaces")
        self._metadata = (("authorization", f"Bearer {text}"),)
        self._client_id = client_id
        self._timeout = timeout
        self._channel = target.open()
        self._stub = stubs.TokenServiceStub(self._channel)

    def connect(self, command: ConnectCommand) -> ConnectResult:
        """Connect an end user's account, or connect it again."""
        request = conversion.connect_request(self._client_id, command)
        return self._call(self._stub.Connect, request, conversion.connect_result)

    def resolve(self, query: ResolveQuery) -> Resolved:
        """Get a usable credential."""
        request = conversion.resolve_request(self._client_id, query)
        return self._call(self._stub.Resolve, request, conversion.resolved)

    def revoke(self, token_id: str) -> Revoked:
        """End a token for good; TOKEN_NOT_FOUND after a lost answer means that it is done."""
        request = pb.RevokeRequest(client_id=self._client_id, token_id=token_id)
        return self._call(self._stub.Revoke, request, conversion.revoked)

    def check_scope(self, token_id: str, required: Scope) -> ScopeAnswer:
        """Ask whether `resolve` would hand the token out for a scope."""
        request = pb.CheckScopeRequest(client_id=self._client_id, token_id=token_id, required_scope=SCOPES[required])
        return self._call(self._stub.CheckScope, request, conversion.scope_answer)

    def close(self) -> None:
        """Close the channel; calls that run are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        read: Callable[[Response], Result],
    ) -> Result:
        try:
            return read(method(request, timeout=self._timeout, metadata=self._metadata))
        except grpc.RpcError as error:
            raise failure_of(error) from None
        except ValueError:
            # The server is newer than this client: its answer means something that has no name here.
            raise CallFailedError(code=grpc.StatusCode.INTERNAL) from None


class Health(enum.Enum):
    """What the health service says of the server or of one of its services."""

    SERVING = "serving"
    NOT_SERVING = "not serving"
    UNKNOWN = "unknown"
    """There is no such service."""
    UNREACHABLE = "unreachable"


class HealthClient:
    """The health service, which needs no credentials."""

    def __init__(self, *, target: Target, timeout: float = HEALTH_TIMEOUT) -> None:
        """`timeout` in seconds, for each check. Raises `TargetError`."""
        self._timeout = timeout
        self._channel = target.open()
        self._check = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    def check(self, service: str) -> Health:
        """Ask for a service by its full name, for the whole server by an empty one."""
        try:
            response = self._check(health_pb2.HealthCheckRequest(service=service), timeout=self._timeout)
        except grpc.RpcError as error:
            unknown = failure_of(error).code is grpc.StatusCode.NOT_FOUND
            return Health.UNKNOWN if unknown else Health.UNREACHABLE
        serving = response.status == health_pb2.HealthCheckResponse.SERVING
        return Health.SERVING if serving else Health.NOT_SERVING

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
