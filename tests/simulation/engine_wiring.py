"""The real engine of one life, around what is simulated: what threads wait at is replaced by what tasks wait at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.losses import Losses
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.upkeep import ROUNDS_PER_CHECK, SECONDS
from tests.simulation.database import BEGINNING
from tests.simulation.disk import SimulatedDisk
from tests.simulation.exchange import NAME
from tests.simulation.line import Line
from tests.simulation.paths import SimulatedPath
from tests.simulation.provider import SimulatedProvider, Witness
from tests.simulation.scheduler import LONGEST_JITTER, Gate, Signal
from tests.simulation.sealing import LaggingSealing, PlainIndex, PlainRecords
from tests.simulation.surroundings import (
    Here,
    Paced,
    SimulatedAudit,
    SimulatedClock,
    SimulatedLanes,
    SimulatedLog,
    SimulatedRandomness,
    Steps,
    Unwatched,
)
from tests.simulation.world import World

UPKEEP_STRETCH: Final = 5.0
A_LOOK: Final = 120 * MICROSECONDS
"""How long it takes at most until what a replica looks at is settled: a database may be away meanwhile."""


def reads_again(stretch: float) -> int:
    """Return how long a replica lets pass between two looks at its spool, and what it does at one, microseconds."""
    rounds = ROUNDS_PER_CHECK * SECONDS * UPKEEP_STRETCH * stretch * LONGEST_JITTER
    return int(rounds * MICROSECONDS) + A_LOOK


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the engine of one life stands on; `number` says which of its replica's lives it is."""

    world: World
    process: Here
    owner: bytes
    number: int
    disk: SimulatedDisk
    line: Line
    losses: Losses
    randomness: SimulatedRandomness
    stopping: Signal
    witness: Witness
    lags: Callable[[], bool]
    """Whether its keyring lacks the rows' newest key."""


def build_engine(standing: Standing) -> ExchangeEngine:
    """Put the engine together, as the exchanger does; nothing runs yet."""
    engine = EngineWiring(_parts(standing)).engine()
    _let_tasks_wait(engine, standing)
    return engine


def _parts(standing: Standing) -> Parts:
    world, process, line, store = standing.world, standing.process, standing.line, standing.world.database.store
    tokens = line.over(store.tokens)
    return Parts(
        owner=standing.owner,
        life=standing.number.to_bytes(16),
        tokens=tokens,
        requests=tokens,
        replicas=line.over(store.replicas),
        installations=line.over(store.installations),
        recoveries=line.over(store.recoveries),
        ledger=cast("Any", Paced(store.ledger, process)),
        index=PlainIndex(),
        request_index=PlainIndex(),
        sealing=LaggingSealing(sealing=world.sealing, lags=standing.lags),
        epochs=lambda: ((1,), (1,)),
        audit=SimulatedAudit(),
        providers=_provider(standing),
        integrations=frozenset({NAME}),
        spool=_spool(standing),
        attempt_log=_attempt_log(standing),
        pacing=_pacing(standing),
        lanes=SimulatedLanes(process),
        revocation_lanes=SimulatedLanes(process),
        clock=SimulatedClock(process),
        wall_clock=lambda: BEGINNING + world.scheduler.now,
        is_over=lambda _: True,
        on_taken=lambda: None,
        randomness=standing.randomness,
        failpoints=Steps(process),
        stopping=cast("Any", standing.stopping),
        losses=standing.losses,
        observer=Unwatched(),
        log=SimulatedLog(process),
    )


def _provider(standing: Standing) -> Any:
    return SimulatedProvider(
        exchange=standing.world.exchange,
        scheduler=standing.world.scheduler,
        process=standing.process,
        witness=standing.witness,
    )


def _spool(standing: Standing) -> Spool:
    spool = Spool(
        directory=cast("Any", SimulatedPath(standing.disk)),
        sealing=PlainRecords(),
        failpoints=Steps(standing.process),
        log=SimulatedLog(standing.process),
    )
    vars(spool)["_locks"] = [Gate(scheduler=standing.world.scheduler, process=standing.process)]
    return spool


def _attempt_log(standing: Standing) -> AttemptFiles:
    return AttemptFiles(
        directory=cast("Any", SimulatedPath(standing.disk)),
        sealing=PlainRecords(),
        failpoints=Steps(standing.process),
        log=SimulatedLog(standing.process),
    )


def _pacing(standing: Standing) -> Pacing:
    return Pacing(
        rates={},
        budgets=standing.world.database.store.budgets,
        clock=SimulatedClock(standing.process),
        randomness=standing.randomness,
        log=SimulatedLog(standing.process),
        observer=Unwatched(),
    )


def _let_tasks_wait(engine: ExchangeEngine, standing: Standing) -> None:
    """Put what tasks wait at in the place of what threads wait at."""
    scheduler, process, stretch = standing.world.scheduler, standing.process, standing.world.stretch
    for part, name in ((engine.settling, "_lock"), (engine.upstream, "_staging")):
        setattr(part, name, Gate(scheduler=scheduler, process=process))
    for waiting, name, stretched in (
        (engine.upstream, "_woken", stretch),
        (engine.heartbeat, "_ended", stretch),
        # Most of its rounds find nothing: there would be more of them in a run than of everything else.
        (engine.recovery, "woken", UPKEEP_STRETCH * stretch),
    ):
        setattr(waiting, name, Signal(scheduler=scheduler, process=process, stretch=stretched))
