"""The exchanger's methods on the wire: convert, call, convert."""

# ruff: noqa: ARG002, N802  # the generated base class decides names and arguments

from typing import Final

import grpc

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt.internal.v1 import exchanger_service_pb2_grpc as stubs
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Exchanger
from mmt_grpc.transport.enums import LIVENESSES, UPSTREAMS
from mmt_grpc.transport.internal import conversion

LONGEST_CONNECT: Final = 25.0
"""Seconds that a Connect has if its worker says nothing else."""


class ExchangerServicer(stubs.ExchangerServiceServicer):
    """Serves an `Exchanger`; raises what it raises."""

    def __init__(self, *, exchanger: Exchanger) -> None:
        self._exchanger = exchanger

    def Connect(self, request: pb.ConnectRequest, context: grpc.ServicerContext) -> pb.ConnectResponse:
        """Do and commit a whole Connect."""
        time_left = min(context.time_remaining(), LONGEST_CONNECT)
        order = conversion.connect_order(request, time_left=int(time_left * MICROSECONDS))
        return conversion.connect_response(self._exchanger.connect(order))

    def Refresh(self, request: pb.RefreshRequest, context: grpc.ServicerContext) -> pb.RefreshResponse:
        """Start a refresh, or say why not."""
        answer = self._exchanger.refresh(
            conversion.context_of(request.context),
            shard=request.shard,
            token_key=request.token_key,
            generation=request.generation,
        )
        return conversion.refresh_response(answer)

    def Probe(self, request: pb.ProbeRequest, context: grpc.ServicerContext) -> pb.ProbeResponse:
        """Ask the provider whether a credential is alive."""
        liveness = self._exchanger.probe(
            conversion.context_of(request.context),
            shard=request.shard,
            token_key=request.token_key,
            generation=request.generation,
        )
        return pb.ProbeResponse(liveness=LIVENESSES[liveness])

    def StageRevocation(
        self, request: pb.StageRevocationRequest, context: grpc.ServicerContext
    ) -> pb.StageRevocationResponse:
        """Keep sealed credentials for revocation."""
        self._exchanger.stage_revocation(conversion.context_of(request.context), conversion.staged_revocation(request))
        return pb.StageRevocationResponse()

    def CompleteRevocation(
        self, request: pb.CompleteRevocationRequest, context: grpc.ServicerContext
    ) -> pb.CompleteRevocationResponse:
        """Revoke what was staged."""
        upstream = self._exchanger.complete_revocation(
            conversion.context_of(request.context), shard=request.shard, token_key=request.token_key
        )
        return pb.CompleteRevocationResponse(upstream=UPSTREAMS[upstream])
