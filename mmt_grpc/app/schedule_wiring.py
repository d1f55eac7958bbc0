"""Puts the scheduler together: what is due is started as nobody's call."""

from typing import Final

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.refreshing import Refreshing
from mmt_grpc.exchange.scheduler import Scheduler

CALL_ID_BYTES: Final = 16


def build_scheduler(parts: Parts, refreshing: Refreshing) -> Scheduler:
    """Return the scheduler, not started yet."""

    def start(row: TokenRow) -> bool:
        return refreshing.start_due(row, parts.randomness.random_bytes(CALL_ID_BYTES).hex())

    return Scheduler(
        rows=parts.tokens,
        integrations=parts.integrations,
        start=start,
        wait=parts.pacing.wait,
        clock=parts.clock,
        randomness=parts.randomness,
        stopping=parts.stopping,
        log=parts.log,
    )
