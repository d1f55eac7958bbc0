"""A replica: a disk that stays, and lives that come and go, each running the real engine."""

from dataclasses import dataclass, field
from typing import Any, Final, cast

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.losses import Losses
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.domain.revoke import Revoke
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.attempt_reading import ANSWER_AT
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.write_back import StoppedError
from tests.simulation.database import Database
from tests.simulation.disk import File, SimulatedDisk
from tests.simulation.exchange import NAME, Exchange, Post
from tests.simulation.line import Line
from tests.simulation.oracle import Attempt, Oracle
from tests.simulation.provider import SimulatedProvider
from tests.simulation.scheduler import Gate, Scheduler, Signal
from tests.simulation.sealing import PlainIndex, PlainRecords, PlainSealing
from tests.simulation.surroundings import (
    Paced,
    SimulatedAudit,
    SimulatedClock,
    SimulatedLanes,
    SimulatedLog,
    SimulatedRandomness,
    Steps,
    Unwatched,
)

AHEAD_SECONDS: Final = 15.0
BACK_AFTER: Final = 5_000_000
"""How long a replica is away that dies with a block gone bad, microseconds."""
CONTEXT: Final = CallContext("call-1", "caller")


@dataclass(kw_only=True)
class World:
    """What all replicas stand in."""

    scheduler: Scheduler
    database: Database
    exchange: Exchange
    oracle: Oracle
    sealing: PlainSealing
    stretch: float
    """How much longer a replica waits between its rounds than in earnest: fewer of them, the same order."""
    replicas: list["Replica"] = field(default_factory=list)


UPKEEP_STRETCH: Final = 5.0


class Replica:
    """What survives: a name and a disk."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.owner = f"replica-{number}".ljust(16, "-").encode()
        self.name = f"r{number}"
        self.disk = SimulatedDisk(scheduler=world.scheduler, on_sync=self._synced)
        self.lives = 0
        self.life: Life | None = None
        self.is_gone = False
        self.stands_still_next = 0
        """Microseconds for which it will be stopped with the next answer that has come to its disk, told to nobody."""

        self.spoils_next = 0
        """Microseconds for which the next answer that has come to its disk will not be readable."""
        self.dies_of_it = False

    def boot(self) -> None:
        """Start the next life, if the machine is there and none is running."""
        if self.is_gone or (self.life is not None and not self.life.is_dead):
            return
        self.lives += 1
        self.life = Life(self)
        self.life.start()

    def _synced(self, disk: SimulatedDisk, file: File) -> None:
        kind, _, key = file.name.removesuffix(".record").partition("-")
        if kind == "attempt" and len(file.durable) > ANSWER_AT + 4 and any(file.durable[ANSWER_AT : ANSWER_AT + 4]):
            attempt = self.world.oracle.attempts.get(bytes.fromhex(key))
            if attempt is not None:
                attempt.is_persisted = True
                if self.stands_still_next and self.life is not None:
                    self.life.stopped_until = self.world.scheduler.now + self.stands_still_next
                    self.stands_still_next = 0
                self._spoil(file, attempt)
        del disk

    def _spoil(self, file: File, attempt: Attempt) -> None:
        if not self.spoils_next or self.life is None:
            return
        scheduler = self.world.scheduler
        file.bad_until, self.spoils_next = scheduler.now + self.spoils_next, 0
        attempt.is_unreadable = (scheduler.now, file.bad_until)
        if self.dies_of_it:
            self.life.is_dead = True
            scheduler.at(scheduler.now + BACK_AFTER, self.boot)


class Life:
    """One life of a replica: a `Process`, the engine in it, and a worker's Revoke."""

    def __init__(self, replica: Replica) -> None:
        self.world = replica.world
        self.replica = replica
        self.name = f"{replica.name}.{replica.lives}"
        self.born_at = self.world.scheduler.now
        self.is_dead = False
        self.stopped_until = 0
        self.is_ready = False
        world, scheduler = self.world, self.world.scheduler
        self.scheduler = scheduler
        self.booted_at = scheduler.random.randrange(10**9)
        replica.disk.process = self
        self._losses = Losses()
        self.line = Line(
            database=world.database,
            process=self,
            oracle=world.oracle,
            disk_had_trouble=lambda: replica.disk.had_trouble,
            on_loss=self._losses.happened,
        )
        self._random = SimulatedRandomness(scheduler.random)
        self._stopping = Signal(scheduler=scheduler, process=self, stretch=world.stretch)
        self.engine: ExchangeEngine

    def start(self) -> None:
        """Do what the exchanger does at its start, then what goes on in the background."""
        self.world.scheduler.spawn(self, "start", self._start)

    def refresh(self, key: tuple[int, bytes], generation: int) -> None:
        """Ask for a refresh, as a worker does."""
        try:
            self.engine.refresh(CONTEXT, shard=key[0], token_key=key[1], generation=generation)
        except (MmtError, StoppedError):
            return

    def revoke(self) -> Revoke:
        """The worker's verb."""
        database = self.world.database.store
        return Revoke(
            rows=self.line.over(database.tokens),
            ledger=self._ledger(),
            index=PlainIndex(),
            exchanger=self.engine,
            audit=SimulatedAudit(),
            clock=SimulatedClock(self),
            waiting_room=WaitingRoom(places=64),
            failpoints=Steps(self),
        )

    def sent(self, post: Post) -> None:
        attempt = self._attempt()
        name = f"attempt-{attempt.attempt_id.hex()}.record"
        self.world.oracle.send(attempt, post, intent_is_durable=self.replica.disk.holds(name))

    def answered(self, post: Post) -> None:
        del post
        self._attempt().is_received = True

    def _attempt(self) -> Attempt:
        task = self.world.scheduler.current
        assert task is not None
        if not isinstance(task.attempt, Attempt):
            self.world.oracle.fail("something is sent without a lease")
        return cast("Attempt", task.attempt)

    def _start(self) -> None:
        while True:
            try:
                # A start that fails is another process's: it knows nothing of what the one before had noticed.
                self.born_at = self.scheduler.now
                self.engine = self._engine()
                self.engine.recover()
                break
            except (OSError, MmtError, StoppedError):
                self.world.scheduler.step(self, "start again", wait=2_000_000)
        self.is_ready = True
        engine = self.engine
        background = (
            ("heartbeat", engine.heartbeat.run),
            ("upkeep", engine.upkeep.run),
            ("upstream", engine.upstream.run),
        )
        for name, work in (*background, ("ahead", self._ahead)):
            self.world.scheduler.spawn(self, name, work)

    def _ahead(self) -> None:
        """Start what is due, as the scheduler's thread does, but less often."""
        while True:
            self._stopping.wait(AHEAD_SECONDS)
            try:
                self.engine.scheduler.tick()
            except (MmtError, StoppedError):
                continue

    def _ledger(self) -> Any:
        return Paced(self.world.database.store.ledger, self)

    def _engine(self) -> ExchangeEngine:
        world, disk, store = self.world, self.replica.disk, self.world.database.store
        records, log, steps = PlainRecords(), SimulatedLog(self), Steps(self)
        spool = Spool(directory=cast("Any", disk.root), sealing=records)
        gate = Gate(scheduler=world.scheduler, process=self)
        vars(spool)["_locks"] = [gate]
        tokens = self.line.over(store.tokens)
        engine = EngineWiring(
            Parts(
                owner=self.replica.owner,
                life=self.replica.lives.to_bytes(16),
                tokens=tokens,
                requests=tokens,
                replicas=self.line.over(store.replicas),
                installations=self.line.over(store.installations),
                recoveries=self.line.over(store.recoveries),
                ledger=self._ledger(),
                index=PlainIndex(),
                request_index=PlainIndex(),
                sealing=world.sealing,
                epochs=lambda: ((1,), (1,)),
                audit=SimulatedAudit(),
                providers=self._provider(),
                integrations=frozenset({NAME}),
                spool=spool,
                attempt_log=AttemptFiles(directory=cast("Any", disk.root), sealing=records, failpoints=steps, log=log),
                pacing=Pacing(
                    rates={},
                    budgets=store.budgets,
                    clock=SimulatedClock(self),
                    randomness=self._random,
                    log=log,
                    observer=Unwatched(),
                ),
                lanes=SimulatedLanes(self),
                revocation_lanes=SimulatedLanes(self),
                clock=SimulatedClock(self),
                wall_clock=world.database.clock.now,
                is_over=lambda _: True,
                on_taken=lambda: None,
                randomness=self._random,
                failpoints=steps,
                stopping=cast("Any", self._stopping),
                losses=self._losses,
                observer=Unwatched(),
                log=log,
            )
        ).engine()
        self._ungreen(engine)
        return engine

    def _provider(self) -> Any:
        return SimulatedProvider(
            exchange=self.world.exchange, scheduler=self.world.scheduler, process=self, witness=self
        )

    def _ungreen(self, engine: ExchangeEngine) -> None:
        """Put what tasks wait at in the place of what threads wait at."""
        scheduler = self.world.scheduler
        for part, name in ((engine.settling, "_lock"), (engine.upstream, "_staging")):
            setattr(part, name, Gate(scheduler=scheduler, process=self))
        stretch = self.world.stretch
        for waiting, name, stretched in (
            (engine.upstream, "_woken", stretch),
            (engine.heartbeat, "_ended", stretch),
            # Most of its rounds find nothing: there would be more of them in a run than of everything else.
            (engine.recovery, "woken", UPKEEP_STRETCH * stretch),
        ):
            setattr(waiting, name, Signal(scheduler=scheduler, process=self, stretch=stretched))
