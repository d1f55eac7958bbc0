"""A caller of the service, through the generated stubs; a refusal arrives as a value that tests can look into."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, cast

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import (  # type: ignore[import-untyped]  # its package ships no py.typed
    error_details_pb2,
    status_pb2,
)

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt.v1 import token_service_pb2_grpc as stubs

READ: Final = nouns.SCOPE_READ
WRITE: Final = nouns.SCOPE_WRITE
CREATED: Final = nouns.CONNECT_OUTCOME_CREATED
REAUTHENTICATED: Final = nouns.CONNECT_OUTCOME_REAUTHENTICATED
PATIENCE: Final = 30.0
"""Seconds that a call may take before the caller gives up: far more than any needs."""
_OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1),)


class Refused(Exception):  # noqa: N818  # what tests read as a sentence: the call was refused
    """A call that did not succeed: its code, sentence, ErrorInfo and what else the status carries."""

    def __init__(self, error: grpc.RpcError) -> None:
        call = cast("grpc.Call", error)
        self.code: grpc.StatusCode = call.code()
        self.sentence: str = call.details()
        self.trailers: tuple[tuple[str, str | bytes], ...] = tuple(call.trailing_metadata())
        self.reason: str | None = None
        self.domain: str | None = None
        self.metadata: Mapping[str, str] = {}
        self.violations: Sequence[str] = ()
        self.descriptions: Sequence[str] = ()
        self.retry_after: float | None = None
        self._read(dict(self.trailers).get("grpc-status-details-bin"))
        super().__init__(f"{self.code.name} {self.reason} {list(self.violations)} {self.sentence}")

    def _read(self, details: str | bytes | None) -> None:
        if not isinstance(details, bytes):
            return
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        for detail in status_pb2.Status.FromString(details).details:
            if detail.Unpack(info):
                self.reason, self.domain, self.metadata = info.reason, info.domain, dict(info.metadata)
            elif detail.Unpack(bad):
                self.violations = [violation.field for violation in bad.field_violations]
                self.descriptions = [violation.description for violation in bad.field_violations]
            elif detail.Unpack(retry):
                self.retry_after = retry.retry_delay.ToMilliseconds() / 1000

    @property
    def everything(self) -> bytes:
        """All that reached the caller, as bytes to compare or to search."""
        return repr((self.code, self.sentence, sorted(self.trailers))).encode()


class Installation(Protocol):
    """What a caller needs to know of a running installation."""

    @property
    def address(self) -> str: ...
    @property
    def api_keys(self) -> Mapping[str, str]: ...


class Caller:
    """One caller: a channel of its own and an API key."""

    def __init__(
        self,
        address: str,
        api_key: str | None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        options = (*_OPTIONS, *options)
        self.channel: grpc.Channel = (
            grpc.insecure_channel(address, options)
            if credentials is None
            else grpc.secure_channel(address, credentials, options)
        )
        self.stub = stubs.TokenServiceStub(self.channel)
        self.metadata: tuple[tuple[str, str], ...] = (
            () if api_key is None else (("authorization", f"Bearer {api_key}"),)
        )

    def connect(self, end_user_id: str, integration: str, scope: int = 0, **fields: Any) -> pb.ConnectResponse:
        """Connect; the grant is one of `fields`, a message or a mapping."""
        request = pb.ConnectRequest(
            end_user_id=end_user_id, integration=integration, scope=cast("nouns.Scope", scope), **fields
        )
        return cast("pb.ConnectResponse", self.call(self.stub.Connect, request))

    def resolve(self, token_id: str, required_scope: int = READ, **fields: Any) -> pb.ResolveResponse:
        request = pb.ResolveRequest(token_id=token_id, required_scope=cast("nouns.Scope", required_scope), **fields)
        return cast("pb.ResolveResponse", self.call(self.stub.Resolve, request))

    def revoke(self, token_id: str, **fields: Any) -> pb.RevokeResponse:
        return cast("pb.RevokeResponse", self.call(self.stub.Revoke, pb.RevokeRequest(token_id=token_id, **fields)))

    def check_scope(self, token_id: str, required_scope: int = READ, **fields: Any) -> pb.CheckScopeResponse:
        request = pb.CheckScopeRequest(token_id=token_id, required_scope=cast("nouns.Scope", required_scope), **fields)
        return cast("pb.CheckScopeResponse", self.call(self.stub.CheckScope, request))

    def call(
        self,
        method: Callable[..., Message],
        request: Message,
        metadata: Sequence[tuple[str, str | bytes]] | None = None,
    ) -> Message:
        """Call a method of the stub, with other metadata than the caller's own if that is given."""
        try:
            return method(request, metadata=self.metadata if metadata is None else tuple(metadata), timeout=PATIENCE)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def raw(self, method: str, body: bytes, metadata: Sequence[tuple[str, str | bytes]] | None = None) -> bytes:
        """Send bytes as they are to a method of the service."""
        bare: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(f"/mmt.v1.TokenService/{method}")
        given = self.metadata if metadata is None else tuple(metadata)
        try:
            return bare(body, metadata=given, timeout=PATIENCE)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def close(self) -> None:
        self.channel.close()


@contextlib.contextmanager
def calling(installation: Installation, scope: str = "write", **arguments: Any) -> Iterator[Caller]:
    """A caller with the installation's own key of a scope."""
    with contextlib.closing(Caller(installation.address, installation.api_keys[scope], **arguments)) as caller:
        yield caller


def refusal(call: Callable[[], object]) -> Refused:
    """Make a call that must be refused, and return how."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def token_of(answer: pb.ResolveResponse) -> str:
    """The bearer token of a Resolve's answer."""
    assert answer.WhichOneof("credential") == "bearer_token"
    return answer.bearer_token.access_token
