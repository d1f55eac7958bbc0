"""The four methods of `mmt.v1.TokenService`: convert, call, convert."""

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.verbs import Call, Verbs
from mmt_grpc.transport import conversion


class TokenHandlers:
    """Serves validated requests of known callers; raises what the verbs raise."""

    def __init__(self, *, verbs: Verbs) -> None:
        self._verbs = verbs

    def connect(self, call: Call, request: pb.ConnectRequest) -> pb.ConnectResponse:
        """Connect an end user's account."""
        result = self._verbs.connect(call, conversion.connect_command(request))
        return conversion.connect_response(result)

    def resolve(self, call: Call, request: pb.ResolveRequest) -> pb.ResolveResponse:
        """Hand out a credential."""
        resolved = self._verbs.resolve(call, conversion.resolve_query(request))
        return conversion.resolve_response(resolved)

    def revoke(self, call: Call, request: pb.RevokeRequest) -> pb.RevokeResponse:
        """End a token."""
        revoked = self._verbs.revoke(call, conversion.normalised(request.token_id))
        return conversion.revoke_response(revoked)

    def check_scope(self, call: Call, request: pb.CheckScopeRequest) -> pb.CheckScopeResponse:
        """Say what a token may be used for."""
        required = Scope(request.required_scope)
        answer = self._verbs.check_scope(call, conversion.normalised(request.token_id), required)
        return conversion.check_scope_response(answer)
