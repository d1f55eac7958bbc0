"""Puts together what connects: grants redeemed, kept on disk, committed, or revoked upstream."""

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.committing import Committing
from mmt_grpc.exchange.connecting import Connecting
from mmt_grpc.exchange.exchange_audit import ExchangeAudit
from mmt_grpc.exchange.request_identity import RequestIdentities
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.unkept import Unkept


def build_connecting(parts: Parts, *, guard: RevivalGuard, requests: Requests, unkept: Unkept) -> Connecting:
    """Return what does a whole Connect."""
    return Connecting(
        rows=parts.requests,
        ledger=parts.ledger,
        guard=guard,
        index=parts.index,
        providers=parts.providers,
        identities=RequestIdentities(
            index=parts.request_index, randomness=parts.randomness, owner=parts.owner, life=parts.life
        ),
        requests=requests,
        unkept=unkept,
        pacing=parts.pacing,
        audit=ExchangeAudit(audit=parts.audit, log=parts.log),
        committing=Committing(
            rows=parts.requests,
            index=parts.index,
            sealing=parts.sealing,
            requests=requests,
            randomness=parts.randomness,
            failpoints=parts.failpoints,
        ),
        clock=parts.clock,
        failpoints=parts.failpoints,
    )
