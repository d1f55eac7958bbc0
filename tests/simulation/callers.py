"""Who calls: users who want their tokens, connect again, and clients that revoke."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.callers import Caller, Method
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.domain.model import MICROSECONDS, Identity, Scope
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.exchanger import ConnectOrder
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.domain.verbs import Call, DeadlineError
from mmt_grpc.exchange.write_back import StoppedError
from tests.simulation.attempt import Key
from tests.simulation.exchange import NAME
from tests.simulation.life import CONTEXT, Life
from tests.simulation.world import World

SECOND: Final = MICROSECONDS
CLIENT: Final = "client-1"
CALLER: Final = Caller("caller", frozenset({CLIENT}), Scope.WRITE, frozenset(Method))


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a token id."""

    name: str
    token_id: str
    key: Key

    @property
    def identity(self) -> Identity:
        return Identity(CLIENT, self.name, NAME, Scope.READ)


class Callers:
    """Calls on whatever replica answers; in the storm more often than there is need to."""

    def __init__(self, *, world: World, users: list[User]) -> None:
        self.world = world
        self.users = users
        self.is_storm = True

    def ask_again(self, user: User, wait: int) -> None:
        self.world.scheduler.at(self.world.scheduler.now + wait, lambda: self._ask(user))

    def _ask(self, user: User) -> None:
        """Somebody wants a token: because it is about to expire, or because the exchange is said to refuse it."""
        draw, row = self.world.scheduler.random, self.world.database.rows.get(user.key)
        if row is None:
            return
        life = self._somebody()
        now = self.world.database.clock.now()
        is_over = (row.access_expires_at or 0) - now < 110 * SECOND or row.came_at > now + CLOCKS_DIFFER
        wanted = is_over or (self.is_storm and draw.random() < 0.8)
        if life is not None and row.state is not TokenState.REAUTHENTICATION and wanted:
            generation = row.binding.generation
            self.world.scheduler.spawn(life, "call", lambda: life.refresh(user.key, generation))
        self.ask_again(user, draw.randint(1, 20) * SECOND if self.is_storm else draw.randint(20, 60) * SECOND)

    def connect(self) -> None:
        """A user connects again."""
        user, life = self.world.scheduler.random.choice(self.users), self._somebody()
        if life is None:
            return
        order = ConnectOrder(
            context=CONTEXT,
            identity=user.identity,
            grant=self.world.exchange.authorize(user.name),
            request_id="connect-1",
            allow_account_change=True,
            time_left=10 * SECOND,
        )

        def connect() -> None:
            try:
                life.engine.connect(order)
            except (MmtError, StoppedError):
                return

        self.world.scheduler.spawn(life, "connect", connect)

    def revoke(self) -> None:
        """A client revokes a token id."""
        user, life = self.world.scheduler.random.choice(self.users), self._somebody()
        if life is None:
            return

        def revoke() -> None:
            deadline = self.world.scheduler.now + life.booted_at + 60 * SECOND
            try:
                life.revoke()(Call("call-2", CALLER, CLIENT, deadline), user.token_id)
            except (MmtError, DeadlineError):
                return
            self.world.oracle.revoked.add(user.key)
            self.world.scheduler.note(f"revoked {user.key[1].hex()[:4]}")

        self.world.scheduler.spawn(life, "revoke", revoke)

    def _somebody(self) -> Life | None:
        lives = [replica.life for replica in self.world.replicas if self.is_up(replica.life)]
        lives = [life for life in lives if life is not None]
        return self.world.scheduler.random.choice(lives) if lives else None

    def is_up(self, life: Life | None) -> bool:
        if life is None or life.is_dead or not life.is_ready:
            return False
        return life.stopped_until <= self.world.scheduler.now
