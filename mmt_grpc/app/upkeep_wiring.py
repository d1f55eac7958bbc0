"""Puts together what a replica does for itself in the background: its beat, and what keeps it honest."""

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.heartbeat import Heartbeat
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.upkeep import Upkeep


def build_heartbeat(parts: Parts, guard: RevivalGuard) -> Heartbeat:
    """Return what says that the replica lives."""
    return Heartbeat(
        owner=parts.owner,
        life=parts.life,
        epochs=parts.epochs,
        replicas=parts.replicas,
        guard=guard,
        spool=parts.spool,
        lanes=parts.lanes,
        log=parts.log,
    )


def build_upkeep(parts: Parts, *, comparing: Comparing, disk: Disk, settling: Settling, recovery: Recovery) -> Upkeep:
    """Return what settles, recovers, compares and purges."""
    return Upkeep(
        owner=parts.owner,
        rows=parts.tokens,
        requests=parts.requests,
        guard=comparing.guard,
        comparing=comparing,
        spool=parts.spool,
        disk=disk,
        settling=settling,
        recovery=recovery,
        stopping=parts.stopping,
        log=parts.log,
    )
