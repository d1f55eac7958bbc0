"""An exchange's bad day, on which it refuses every refresh, and the operator who says that it is over."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final, cast

from mmt_grpc.app.administration import Administration
from mmt_grpc.app.reinstatement import Reinstated, Reinstatement
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow
from tests.simulation.database import BEGINNING
from tests.simulation.exchange import NAME
from tests.simulation.faults import NOTICED_WITHIN
from tests.simulation.surroundings import SimulatedAudit, SimulatedRandomness
from tests.simulation.world import World

SECOND: Final = MICROSECONDS
SHARE: Final = 0.15
"""Of the runs that have such a day."""
LENGTHS: Final = (10, 40, 120, 400)
"""Seconds that it lasts."""
IN_THE_CALM: Final = (60, 500, 1_500, 3_000, 4_500)
"""Seconds into the calm at which the operator looks again: a failover or an absence may have undone or delayed it."""
TRY_AGAIN: Final = 10 * SECOND


class Operator:
    """Runs the real command's work; draws of its own, so that a run without a bad day is as it was."""

    def __init__(self, *, world: World, seed: int, struck: Counter[str]) -> None:
        self._world = world
        self._draw = random.Random(f"operator {seed}")
        self._struck = struck
        self._began: int | None = None

    def plan(self) -> None:
        """Draw whether there is such a day, and when."""
        if self._draw.random() < SHARE:
            self._world.scheduler.at(self._draw.randint(1, 40) * SECOND, self._begin)

    def end_the_day(self) -> None:
        """The calm begins: have what is left brought back."""
        scheduler, exchange = self._world.scheduler, self._world.exchange
        exchange.refuses_until = min(exchange.refuses_until, scheduler.now)
        if self._began is not None:
            # Times are named by the database's clock: it has to be right first.
            scheduler.at(scheduler.now + NOTICED_WITHIN, lambda: setattr(self._world.database.clock, "shift", 0))
            for seconds in IN_THE_CALM:
                scheduler.at(scheduler.now + seconds * SECOND, self._reinstate)

    def _begin(self) -> None:
        world, scheduler = self._world, self._world.scheduler
        if scheduler.is_calm:
            return
        self._struck["bad day"] += 1
        self._began = BEGINNING + scheduler.now
        lasts = int(self._draw.choice(LENGTHS) * (0.5 + self._draw.random()) * SECOND)
        world.exchange.refuses_until = scheduler.now + lasts
        scheduler.note(f"exchange: a bad day, for {lasts / SECOND} s")
        # Now and then too early: what is refused again is found again.
        scheduler.at(scheduler.now + int(lasts * (0.7 + 0.6 * self._draw.random())), self._reinstate)

    def _reinstate(self) -> None:
        """Run the command; where the database does not answer, or a row is held by a statement, try again later."""
        database, scheduler = self._world.database, self._world.scheduler
        held = any(until > scheduler.now for until in database.locks.values())
        if held or max(database.down_until, database.read_only_until) > scheduler.now:
            scheduler.at(scheduler.now + TRY_AGAIN, self._reinstate)
            return
        counts = self._command()
        self._struck["reinstated"] += counts.reinstated
        scheduler.note(f"operator: {counts.reinstated} of {counts.found} reinstated")

    def _command(self) -> Reinstated:
        store, now = self._world.database.store, self._world.database.clock.now()
        if self._began is None or now <= self._began:
            return Reinstated()
        opened = SimpleNamespace(store=SimpleNamespace(tokens=_Told(self._world)), ledger=store.ledger)
        return Reinstatement(
            administration=cast("Administration", opened),
            integration=NAME,
            since=self._began,
            before=now,
            randomness=SimulatedRandomness(self._draw),
        ).reinstate(SimulatedAudit())


class _Told:
    """The rows, of whose changes the oracle is told."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._world.database.store.tokens, name)
        return method

    def reinstate(self, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        database, oracle = self._world.database, self._world.oracle
        changed = database.store.tokens.reinstate(waits)
        database.remember()
        for row in changed:
            key = (row.shard, row.binding.token_key)
            if key in oracle.revoked:
                oracle.fail("a revoked row is reinstated")
            oracle.wrote("reinstate", key, row, database.rows[key])
        return changed
