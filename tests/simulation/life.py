"""One life of a replica: a process that runs the real engine, and a worker's calls on it."""

from typing import TYPE_CHECKING, Any, Final, cast

from mmt_grpc.app.losses import Losses
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.domain.revoke import Revoke
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.write_back import StoppedError
from tests.simulation.attempt import Attempt
from tests.simulation.engine_wiring import Standing, build_engine
from tests.simulation.exchange import Post
from tests.simulation.line import Line
from tests.simulation.scheduler import Signal
from tests.simulation.sealing import PlainIndex
from tests.simulation.surroundings import Paced, SimulatedAudit, SimulatedClock, SimulatedRandomness, Steps

if TYPE_CHECKING:
    # A life knows whose it is: one of the two has to be there first.
    from tests.simulation.replica import Replica

AHEAD_SECONDS: Final = 15.0
CONTEXT: Final = CallContext("call-1", "caller")


class Life:
    """One life of a replica: a `Process`, the engine in it, and a worker's Revoke."""

    def __init__(self, replica: "Replica") -> None:
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
        self._randomness = SimulatedRandomness(scheduler.random)
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
            guard=self.engine.comparing.guard,
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
        return build_engine(
            Standing(
                world=self.world,
                process=self,
                owner=self.replica.owner,
                number=self.replica.lives,
                disk=self.replica.disk,
                line=self.line,
                losses=self._losses,
                randomness=self._randomness,
                stopping=self._stopping,
                witness=self,
                lags=lambda: self.scheduler.now < self.replica.lags_until,
            )
        )
