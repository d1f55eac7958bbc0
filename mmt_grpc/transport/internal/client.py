"""A worker's end of the internal RPC: the `Exchanger` port over the replica's unix socket."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt.internal.v1 import exchanger_service_pb2_grpc as stubs
from mmt_grpc.domain.errors import ExchangerUnreachableError, ProviderUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Liveness, Upstream
from mmt_grpc.domain.ports.exchanger import CallContext, Connected, ConnectOrder, RefreshAnswer, StagedRevocation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.internal import conversion, peer_secret
from mmt_grpc.transport.internal.errors import error_of, is_not_taken

CHANNEL_ARGUMENTS: Final[Sequence[tuple[str, int]]] = (
    # An exchanger that was started again is found within moments.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Also how long one attempt to connect may take, so not as short as the pause.
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.enable_http_proxy", 0),
    # No policy asks for retries. Without what they stand on, a call whose bytes an exchanger that stands still leaves
    # in the socket outlives its deadline: a thread each, until that exchanger goes on (seen with grpcio 1.85).
    ("grpc.enable_retries", 1),
)
PAUSE: Final = 0.05
"""Seconds before a call that was not answered is made again."""
Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangerTimeouts:
    """Seconds that a worker waits for each answer, and never longer than its own caller.

    An exchanger that is being started again is waited for within them.
    """

    connect: float = 25.0
    refresh: float = 3.0
    probe: float = 12.0
    stage_revocation: float = 25.0
    complete_revocation: float = 8.0


class InternalExchanger:
    """The `Exchanger` of a worker. The channel connects at the first call, and again whenever it has to."""

    def __init__(self, *, socket_path: str, secret: Secret, timeouts: ExchangerTimeouts | None = None) -> None:
        self._timeouts = timeouts or ExchangerTimeouts()
        self._proof = peer_secret.proof(secret)
        credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
        self._channel = grpc.secure_channel(f"unix:{socket_path}", credentials, options=CHANNEL_ARGUMENTS)
        self._stub = stubs.ExchangerServiceStub(self._channel)

    def close(self) -> None:
        """Close the channel; calls that run are cancelled."""
        self._channel.close()

    def connect(self, order: ConnectOrder) -> Connected:
        """Have a whole Connect done and committed."""
        until = self._until(self._timeouts.connect, order.time_left)
        return self._call(self._stub.Connect, conversion.connect_request(order), until, conversion.connected)

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        """Have a refresh started."""
        request = pb.RefreshRequest(
            context=conversion.wire_context(context), shard=shard, token_key=token_key, generation=generation
        )
        until = self._until(self._timeouts.refresh, context.time_left)
        return self._call(self._stub.Refresh, request, until, conversion.refresh_answer)

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        """Have the provider asked."""
        request = pb.ProbeRequest(
            context=conversion.wire_context(context), shard=shard, token_key=token_key, generation=generation
        )
        until = self._until(self._timeouts.probe, context.time_left)
        return self._call(self._stub.Probe, request, until, conversion.liveness, may_repeat=True)

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        """Hand sealed credentials over."""
        request = conversion.stage_request(context, staged)
        until = self._until(self._timeouts.stage_revocation, context.time_left)
        self._call(self._stub.StageRevocation, request, until, lambda _: None, may_repeat=True)

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        """Have what was staged revoked."""
        request = pb.CompleteRevocationRequest(
            context=conversion.wire_context(context), shard=shard, token_key=token_key
        )
        until = self._until(self._timeouts.complete_revocation, context.time_left)
        return self._call(self._stub.CompleteRevocation, request, until, conversion.upstream)

    @staticmethod
    def _until(longest: float, time_left: int | None) -> float:
        return time.monotonic() + (longest if time_left is None else min(longest, time_left / MICROSECONDS))

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        until: float,
        read: Callable[[Response], Answer],
        *,
        may_repeat: bool = False,
    ) -> Answer:
        """Call a method until `until` at the latest; `may_repeat`: again if it may have arrived, and was not answered.

        What no handler has taken is asked again in any case.
        """
        while True:
            timeout = max(0.0, until - time.monotonic())
            try:
                return read(method(request, timeout=timeout, metadata=self._proof, wait_for_ready=True))
            except grpc.RpcError as failure:
                error = error_of(failure)
                again = is_not_taken(failure) or (may_repeat and isinstance(error, ExchangerUnreachableError))
                if not again or time.monotonic() + PAUSE >= until:
                    raise error from None
            except ValueError:
                # An answer that this version does not know: nothing can be built on it.
                raise ProviderUnavailableError from None
            time.sleep(PAUSE)
