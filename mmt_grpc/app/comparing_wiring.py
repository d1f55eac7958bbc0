"""Puts together what holds the database against the ledger."""

from collections.abc import Callable

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.reconciling import Reconciling
from mmt_grpc.exchange.upstream import UpstreamWork


def build_guard(parts: Parts, on_set_back: Callable[[], None]) -> RevivalGuard:
    """Return the exchanger's own doubt about the database."""
    return RevivalGuard(
        installations=parts.installations,
        ledger=parts.ledger,
        clock=parts.clock,
        log=parts.log,
        on_set_back=on_set_back,
    )


def build_comparing(parts: Parts, guard: RevivalGuard, upstream: UpstreamWork) -> Comparing:
    """Return what ends it."""
    reconciling = Reconciling(
        rows=parts.tokens,
        ledger=parts.ledger,
        installations=parts.installations,
        upstream=upstream,
        failpoints=parts.failpoints,
        log=parts.log,
    )
    return Comparing(guard=guard, reconciling=reconciling, clock=parts.clock, stopping=parts.stopping)
