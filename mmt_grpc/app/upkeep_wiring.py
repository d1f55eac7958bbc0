"""Puts together what a replica does for itself in the background: its beat, and what keeps it honest."""

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.fitness import Fitness
from mmt_grpc.exchange.heartbeat import Heartbeat
from mmt_grpc.exchange.presence import Presence
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.upkeep import Upkeep


def build_presence(parts: Parts) -> Presence:
    """Return the replica's place in the registry, not taken yet."""
    return Presence(
        owner=parts.owner,
        life=parts.life,
        replicas=parts.replicas,
        is_over=parts.is_over,
        on_taken=parts.on_taken,
        now=parts.tokens.now,
        clock=parts.clock,
        stopping=parts.stopping,
        log=parts.log,
    )


def build_heartbeat(parts: Parts, *, fitness: Fitness, guard: RevivalGuard) -> Heartbeat:
    """Return what says that the replica lives."""
    return Heartbeat(
        owner=parts.owner,
        life=parts.life,
        presence=fitness.presence,
        replicas=parts.replicas,
        database_clock=fitness.database_clock,
        clock=parts.clock,
        wall_clock=parts.wall_clock,
        epochs=parts.epochs,
        guard=guard,
        spool=parts.spool,
        lanes=parts.lanes,
        # Nobody may ask for long whether anything may be leased, and operators are to see it all the same.
        on_beat=fitness.may_lease,
        log=parts.log,
    )


def build_upkeep(
    parts: Parts, *, presence: Presence, comparing: Comparing, disk: Disk, settling: Settling, recovery: Recovery
) -> Upkeep:
    """Return what settles, recovers, compares and purges."""
    return Upkeep(
        owner=parts.owner,
        rows=parts.tokens,
        requests=parts.requests,
        presence=presence,
        guard=comparing.guard,
        comparing=comparing,
        spool=parts.spool,
        disk=disk,
        settling=settling,
        asking=settling.settlement.asking,
        recovery=recovery,
        clock=parts.clock,
        stopping=parts.stopping,
        log=parts.log,
    )
