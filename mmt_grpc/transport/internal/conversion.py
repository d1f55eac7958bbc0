"""The internal protos and the domain, each turned into the other."""

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import ConnectOutcome, Identity, Liveness, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import (
    CallContext,
    Connected,
    ConnectOrder,
    Progress,
    RefreshAnswer,
    StagedRevocation,
)
from mmt_grpc.domain.token_row import Binding, SealedToken
from mmt_grpc.transport.enums import LIVENESSES_BACK, OUTCOMES, PROGRESSES, SCOPES
from mmt_grpc.transport.grants import grant_field, grant_of


def wire_context(context: CallContext) -> pb.CallContext:
    """Return who asked."""
    return pb.CallContext(call_id=context.call_id, caller=context.caller)


def context_of(message: pb.CallContext) -> CallContext:
    """Return who asked."""
    return CallContext(call_id=message.call_id, caller=message.caller)


def connect_request(order: ConnectOrder) -> pb.ConnectRequest:
    """Return an order as it is sent; its time left travels as the call's deadline."""
    return pb.ConnectRequest(
        context=wire_context(order.context),
        client_id=order.identity.client_id,
        end_user_id=order.identity.end_user_id,
        integration=order.identity.integration,
        scope=SCOPES[order.identity.scope],
        request_id=order.request_id or "",
        allow_account_change=order.allow_account_change,
        **grant_field(order.grant),
    )


def connect_order(request: pb.ConnectRequest, *, time_left: int) -> ConnectOrder:
    """Return what was ordered; `time_left` in microseconds."""
    return ConnectOrder(
        context=context_of(request.context),
        identity=Identity(request.client_id, request.end_user_id, request.integration, Scope(request.scope)),
        grant=grant_of(request),
        request_id=request.request_id or None,
        allow_account_change=request.allow_account_change,
        time_left=time_left,
    )


def connect_response(connected: Connected) -> pb.ConnectResponse:
    """Return a committed Connect as it is answered."""
    return pb.ConnectResponse(
        token_id=connected.token_id,
        outcome=OUTCOMES[connected.outcome],
        expire_at=connected.expires_at,
        refreshable=connected.refreshable,
    )


def connected(response: pb.ConnectResponse) -> Connected:
    """Return what was answered."""
    return Connected(
        token_id=response.token_id,
        outcome=ConnectOutcome(response.outcome),
        expires_at=response.expire_at if response.HasField("expire_at") else None,
        refreshable=response.refreshable,
    )


def refresh_response(answer: RefreshAnswer) -> pb.RefreshResponse:
    """Return how a refresh stands as it is answered."""
    reason = "" if answer.reason is None else answer.reason.value
    return pb.RefreshResponse(progress=PROGRESSES[answer.progress], reason=reason, wait=answer.wait)


def refresh_answer(response: pb.RefreshResponse) -> RefreshAnswer:
    """Return what was answered."""
    reason = Reason(response.reason) if response.reason else None
    return RefreshAnswer(progress=Progress(response.progress), reason=reason, wait=response.wait)


def liveness(response: pb.ProbeResponse) -> Liveness:
    """Return what was answered; what this version does not know is UNKNOWN."""
    return LIVENESSES_BACK.get(response.liveness, Liveness.UNKNOWN)


def upstream(response: pb.CompleteRevocationResponse) -> Upstream:
    """Return what was answered."""
    return Upstream(response.upstream)


def stage_request(context: CallContext, staged: StagedRevocation) -> pb.StageRevocationRequest:
    """Return sealed credentials as they are handed over."""
    binding, sealed = staged.binding, staged.sealed
    return pb.StageRevocationRequest(
        context=wire_context(context),
        shard=staged.shard,
        token_key=binding.token_key,
        sealed=pb.SealedToken(
            identity_key=binding.identity_key,
            integration=binding.integration,
            scope=SCOPES[binding.scope],
            generation=binding.generation,
            format=sealed.format,
            key_epoch=sealed.key_epoch,
            access_key=sealed.access_key,
            renewal_key=sealed.renewal_key,
            access_blob=sealed.access_blob,
            renewal_blob=sealed.renewal_blob or b"",
            metadata_blob=sealed.metadata_blob,
            account_key=staged.account_key or b"",
            unsettled=staged.unsettled,
        ),
    )


def staged_revocation(request: pb.StageRevocationRequest) -> StagedRevocation:
    """Return what was handed over; a sealed column is never empty, so empty stands for absent."""
    sealed = request.sealed
    return StagedRevocation(
        shard=request.shard,
        binding=Binding(
            token_key=request.token_key,
            identity_key=sealed.identity_key,
            integration=sealed.integration,
            scope=Scope(sealed.scope),
            generation=sealed.generation,
        ),
        sealed=SealedToken(
            format=sealed.format,
            key_epoch=sealed.key_epoch,
            access_key=sealed.access_key,
            renewal_key=sealed.renewal_key,
            access_blob=sealed.access_blob,
            renewal_blob=sealed.renewal_blob or None,
            metadata_blob=sealed.metadata_blob,
        ),
        account_key=sealed.account_key or None,
        unsettled=sealed.unsettled,
    )
