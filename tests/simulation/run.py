"""One run of a seed: tokens, replicas and their callers, a storm, then calm, in which everything has to come right."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain import token_id as token_ids
from mmt_grpc.domain.model import Metadata, Scope
from mmt_grpc.domain.ports.store import ConnectRequest, Installation
from mmt_grpc.domain.token_row import Binding, Connection
from tests.simulation import faults
from tests.simulation.callers import CLIENT, SECOND, Callers, User
from tests.simulation.database import BEGINNING, Database
from tests.simulation.engine_wiring import reads_again
from tests.simulation.exchange import NAME, Exchange
from tests.simulation.operator import Operator
from tests.simulation.oracle import Oracle, ViolationError
from tests.simulation.replica import Replica
from tests.simulation.scheduler import LivelockError, Scheduler
from tests.simulation.sealing import PlainIndex, PlainSealing
from tests.simulation.surroundings import SimulatedRandomness
from tests.simulation.world import World

SHORTEST_STORM: Final = 50 * SECOND
CALM_FOR: Final = 7200 * SECOND
"""By when everything has come right: the longest absence, ten minutes, and two lives of a token."""
INDEX: Final = PlainIndex()


@dataclass(slots=True)
class Result:
    """How a run ended; `violation` is None if every property held."""

    seed: int
    violation: str | None = None
    accepted: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    posts: int = 0
    steps: int = 0
    hash: int = 0


class Run:
    """A run."""

    def __init__(self, seed: int, *, trace: list[str] | None = None, hashed: bool = False, races: bool = False) -> None:
        """`races`: a Connect and a Revoke happen in most runs, not in some."""
        self._races = races
        self.result = Result(seed)
        scheduler = Scheduler(seed=seed, trace=trace, hashed=hashed)
        draw = scheduler.random
        self._life = draw.randint(300, 1200) * SECOND
        exchange = Exchange(
            scheduler=scheduler,
            life=self._life,
            tolerant=draw.random() < 0.07,
            probes=draw.random() < 0.9,
            kills_old=draw.random() < 0.5,
        )
        sealing = PlainSealing(source=draw)
        stretch = draw.choice((3.0, 6.0, 9.0, 9.0))
        self.world = World(
            scheduler=scheduler,
            database=Database(scheduler=scheduler, keeps_history=True),
            exchange=exchange,
            oracle=Oracle(scheduler=scheduler, exchange=exchange, sealing=sealing, reads_again=reads_again(stretch)),
            sealing=sealing,
            stretch=stretch,
        )
        self.users = [self._user(number) for number in range(draw.choice((1, 1, 2)))]
        self.callers = Callers(world=self.world, users=self.users)
        self.operator = Operator(world=self.world, seed=seed, struck=self.result.struck)
        self._settled_since: int | None = None

    def run(self) -> Result:
        """Run it to its end."""
        result, scheduler = self.result, self.world.scheduler
        try:
            self._storm()
            self._calm()
            for user in self.users:
                row = self.world.database.rows.get(user.key)
                result.endings[self.world.oracle.close(row, user.key)] += 1
        except ViolationError as error:
            result.violation = str(error)
        except LivelockError:
            result.violation = "it goes round in circles"
        except Exception as error:  # noqa: BLE001  # whatever comes through is a finding, and has its seed
            result.violation = f"{type(error).__name__} comes through"
        finally:
            result.steps, result.hash = scheduler.steps, scheduler.hash
            scheduler.trace = None
            scheduler.end()
        result.accepted = self.world.oracle.accepted
        result.posts = sum(1 for attempt in self.world.oracle.attempts.values() if attempt.post is not None)
        return result

    def _user(self, number: int) -> User:
        """Make somebody's token, whose access token is about to expire."""
        world, name = self.world, f"user-{number}"
        shard = INDEX.shard(CLIENT, name)
        text = token_ids.mint(shard, SimulatedRandomness(world.scheduler.random))
        user = User(name, text, (shard, INDEX.token_key(CLIENT, text)))
        issued = world.exchange.open_chain(name)
        binding = Binding(user.key[1], INDEX.identity_key(user.identity), NAME, Scope.READ, 1)
        expires_at = BEGINNING + self._life
        connection = Connection(
            shard=shard,
            binding=binding,
            end_user_key=INDEX.end_user_key(CLIENT, name),
            client_key=INDEX.client_key(CLIENT),
            account_key=None,
            access_expires_at=expires_at,
            renewal_expires_at=None,
            next_refresh_at=expires_at - 60 * SECOND,
            sealed=world.sealing.seal_connection(
                binding=binding,
                credential=issued.credential,
                renewal=issued.renewal,
                metadata=Metadata(text, user.identity, None, ("read",)),
            ),
        )
        request = ConnectRequest(name.encode().ljust(32), bytes(32), bytes(16), bytes(16))
        tokens = world.database.store.tokens
        tokens.begin(request)
        tokens.create(connection, request)
        world.oracle.wrote("create", user.key, None, world.database.rows[user.key])
        return user

    def _storm(self) -> None:
        world, draw = self.world, self.world.scheduler.random
        store = world.database.store
        store.installations.create(Installation(bytes(16), "dev", bytes(32), store.ledger.identity(), 0, 1))
        world.database.remember()
        for number in range(draw.choice((2, 2, 3))):
            world.replicas.append(Replica(world, number))
            world.replicas[-1].boot()
        world.scheduler.plans = faults.plan(world, self.result.struck)
        for happening, share in ((self.callers.connect, 0.15), (self.callers.revoke, 0.1)):
            if draw.random() < (0.7 if self._races else share):
                world.scheduler.at(draw.randint(1, 40) * SECOND, happening)
        self.operator.plan()
        for user in self.users:
            self.callers.ask_again(user, 0)
        longest = draw.choice((60, 60, 120, 300, 300, 900)) * SECOND
        while world.scheduler.now < longest and (world.scheduler.plans or world.scheduler.now < SHORTEST_STORM):
            world.scheduler.run(min(longest, world.scheduler.now + 20 * SECOND))

    def _calm(self) -> None:
        world = self.world
        scheduler = world.scheduler
        scheduler.plans.clear()
        world.exchange.fates.clear()
        world.database.fates.clear()
        scheduler.is_calm = True
        self.callers.is_storm = False
        self.operator.end_the_day()
        scheduler.note("calm")
        scheduler.at(scheduler.now + 5 * SECOND, self._look)
        if not scheduler.run(scheduler.now + CALM_FOR, self._is_over):
            self._complain()

    def _look(self) -> None:
        """See whether everything has come right; it has to stay so for a while."""
        world = self.world
        now, rows = world.scheduler.now, world.database.rows
        settled = all(world.oracle.is_settled(rows.get(user.key), user.key) for user in self.users)
        everyone = all(replica.is_gone or self.callers.is_up(replica.life) for replica in world.replicas)
        if not (settled and everyone):
            self._settled_since = None
        elif self._settled_since is None:
            self._settled_since = now
        world.scheduler.at(now + 20 * SECOND, self._look)

    def _is_over(self) -> bool:
        since = self._settled_since
        return since is not None and self.world.scheduler.now - since >= 60 * SECOND

    def _complain(self) -> None:
        for user in self.users:
            row = self.world.database.rows.get(user.key)
            if row is not None and not self.world.oracle.is_settled(row, user.key):
                chain = self.world.oracle.grants[user.key, row.grant_number]
                alive = "alive" if chain.alive else f"dead of {chain.died_of}"
                self.world.oracle.fail(f"{row.state.name} for ever, its chain {alive}")
        self.world.oracle.fail("a replica does not come back")


def run(seed: int, *, trace: list[str] | None = None, hashed: bool = False, races: bool = False) -> Result:
    """Run one seed."""
    return Run(seed, trace=trace, hashed=hashed, races=races).run()
