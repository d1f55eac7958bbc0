"""Puts together what revokes upstream: once when asked, and in the background."""

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.sending import Sending
from mmt_grpc.exchange.upstream import UpstreamWork


def build_upstream(parts: Parts, guard: RevivalGuard) -> UpstreamWork:
    """Return it, not started yet."""
    return UpstreamWork(
        spool=parts.spool,
        sending=Sending(
            spool=parts.spool,
            rows=parts.tokens,
            ledger=parts.ledger,
            guard=guard,
            sealing=parts.sealing,
            epochs=parts.epochs,
            providers=parts.providers,
            pacing=parts.pacing,
            failpoints=parts.failpoints,
            log=parts.log,
        ),
        pacing=parts.pacing,
        lanes=parts.revocation_lanes,
        clock=parts.clock,
        randomness=parts.randomness,
        log=parts.log,
        observer=parts.observer,
        stopping=parts.stopping,
    )
