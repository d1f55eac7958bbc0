"""The domain's enums as the protos spell them; a test holds the tables total."""

from collections.abc import Mapping
from typing import Final

from mmt.internal.v1 import exchanger_service_pb2 as internal_pb
from mmt.v1 import managed_token_pb2 as nouns
from mmt_grpc.domain.model import ConnectOutcome, Liveness, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import Progress

SCOPES: Final[Mapping[Scope, nouns.Scope]] = {
    Scope.READ: nouns.SCOPE_READ,
    Scope.WRITE: nouns.SCOPE_WRITE,
}
OUTCOMES: Final[Mapping[ConnectOutcome, nouns.ConnectOutcome]] = {
    ConnectOutcome.CREATED: nouns.CONNECT_OUTCOME_CREATED,
    ConnectOutcome.REAUTHENTICATED: nouns.CONNECT_OUTCOME_REAUTHENTICATED,
}
UPSTREAMS: Final[Mapping[Upstream, nouns.Upstream]] = {
    Upstream.REVOKED: nouns.UPSTREAM_REVOKED,
    Upstream.ACCEPTED: nouns.UPSTREAM_ACCEPTED,
    Upstream.UNSUPPORTED: nouns.UPSTREAM_UNSUPPORTED,
    Upstream.FAILED: nouns.UPSTREAM_FAILED,
}
PROGRESSES: Final[Mapping[Progress, internal_pb.RefreshProgress]] = {
    Progress.STARTED: internal_pb.REFRESH_PROGRESS_STARTED,
    Progress.RUNNING: internal_pb.REFRESH_PROGRESS_RUNNING,
    Progress.BACKING_OFF: internal_pb.REFRESH_PROGRESS_BACKING_OFF,
    Progress.SETTLED: internal_pb.REFRESH_PROGRESS_SETTLED,
}
LIVENESSES: Final[Mapping[Liveness, internal_pb.Liveness]] = {
    Liveness.ALIVE: internal_pb.LIVENESS_ALIVE,
    Liveness.DEAD: internal_pb.LIVENESS_DEAD,
    Liveness.UNKNOWN: internal_pb.LIVENESS_UNKNOWN,
}
LIVENESSES_BACK: Final[Mapping[int, Liveness]] = {int(wire): liveness for liveness, wire in LIVENESSES.items()}
