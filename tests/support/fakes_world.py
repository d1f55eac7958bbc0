"""A world to try the service in: a database, three exchanges, replicas that live and die, and their clients."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmt_grpc.domain import token_id as token_ids
from mmt_grpc.domain.callers import Caller, Method
from mmt_grpc.domain.catalogue import Catalogue, Kind
from mmt_grpc.domain.model import MICROSECONDS, BearerToken, Grant, Scope
from mmt_grpc.domain.ports.exchanger import CallContext, RefreshAnswer
from mmt_grpc.domain.ports.store import Installation
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.revival_proof import RevivalProof
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.domain.verbs import (
    Call,
    ConnectCommand,
    ConnectResult,
    Resolved,
    ResolveQuery,
    Revoked,
    ScopeAnswer,
    Verbs,
)
from mmt_grpc.exchange.engine import ExchangeEngine
from tests.crypto.material import access_keyring, renewal_keyring
from tests.support.fakes_clock import ManualClock, SeededRandomness
from tests.support.fakes_exchange import FakeExchange
from tests.support.fakes_failure import ArmedFailpoints, RecordingAudit, RecordingLog, Weather
from tests.support.fakes_process import Line, StagedLanes
from tests.support.fakes_provider import FakeProvider, FakeProviders
from tests.support.fakes_store import FakeClock, FakeStore
from tests.support.fakes_wiring import Parts, build_engine, build_verbs

THIS = b"this-replica-000"
OTHER = b"other-replica-00"
KINDS = {"coinbase": Kind.OAUTH, "uphold": Kind.OAUTH, "binance": Kind.LOGIN}
WALLETS = frozenset({"metamask", "phantom"})
BEGINNING = 1_800_000_000 * MICROSECONDS
PATIENCE = 10 * MICROSECONDS
HOUR = 3600 * MICROSECONDS


@dataclass(frozen=True)
class Life:
    """One life of a replica: its processes, from a start to a death."""

    parts: Parts
    engine: ExchangeEngine
    lanes: StagedLanes
    line: Line
    verbs: Verbs
    guard: RevivalGuard
    """The worker's."""
    proof: RevivalProof

    def beat(self) -> None:
        """Do what the heartbeat does."""
        self.engine.heartbeat.beat()
        self.engine.upkeep.keep_honest()


class World:
    """Everything outside the code under test, and the replicas in it; `life` is the one that clients call."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.store = FakeStore(clock=FakeClock(source=lambda: BEGINNING + self.clock.elapsed()))
        self.rows, self.ledger = self.store.tokens, self.store.ledger
        self.weather = Weather()
        self.exchanges = {name: FakeExchange(name=name, clock=self.clock) for name in KINDS}
        self.providers = {name: FakeProvider(exchange=exchange) for name, exchange in self.exchanges.items()}
        self.audit, self.log, self.failpoints = RecordingAudit(), RecordingLog(), ArmedFailpoints()
        self.randomness = SeededRandomness()
        self._lives: Iterator[int] = itertools.count(1)
        self.store.installations.create(
            Installation(b"installation-000", "dev", bytes(32), self.ledger.identity(), 0, 1)
        )
        self.life = self.boot()

    @property
    def coinbase(self) -> FakeExchange:
        """The exchange with one-time refresh tokens."""
        return self.exchanges["coinbase"]

    @property
    def binance(self) -> FakeExchange:
        """The exchange with sessions and API keys."""
        return self.exchanges["binance"]

    def boot(
        self, owner: bytes = THIS, *, waiting_places: int = 64, is_over: Callable[[bytes], bool] = lambda _: True
    ) -> Life:
        """Start a replica on its state directory, after whatever its last life left there."""
        parts = Parts(
            owner=owner,
            life=next(self._lives).to_bytes(16),
            state_directory=self.directory / owner.decode(),
            rows=self.weather.over(self.rows),
            replicas=self.weather.over(self.store.replicas),
            installations=self.store.installations,
            recoveries=self.store.recoveries,
            budgets=self.store.budgets,
            ledger=self.weather.over(self.ledger),
            providers=FakeProviders(providers=self.providers),
            access_keyring=access_keyring(),
            renewal_keyring=renewal_keyring(),
            audit=self.audit,
            log=self.log,
            clock=self.clock,
            wall_clock=lambda: BEGINNING + self.clock.elapsed(),
            is_over=is_over,
            randomness=self.randomness,
            failpoints=self.failpoints,
            stopping=threading.Event(),
            waiting_places=waiting_places,
        )
        lanes = StagedLanes()
        engine = build_engine(parts, lanes=lanes)
        engine.recover()
        engine.wait_for_revokes(is_stopping=lambda: False)
        line = Line(engine=engine)
        guard = RevivalGuard(
            installations=self.store.installations, ledger=parts.ledger, clock=self.clock, log=self.log
        )
        proof = RevivalProof(guard=guard, rows=parts.rows, ledger=parts.ledger)
        proof.step()
        verbs = build_verbs(parts, catalogue=Catalogue(KINDS, WALLETS), exchanger=line, guard=guard)
        return Life(parts, engine, lanes, line, verbs, guard, proof)

    def restart(self) -> None:
        """Start the next life of the replica that clients call."""
        self.life = self.boot()

    def client(self, name: str = "client-1", scope: Scope = Scope.WRITE, *, life: Life | None = None) -> "Client":
        """Return a client company, whose caller may do as much as `scope`; it calls `life`, or the world's."""
        return Client(self, name, scope, life)

    def row(self, token_id: str, client: str = "client-1") -> TokenRow | None:
        """Look a row up behind everybody's back."""
        key = self.life.parts.index.token_key(client, token_id)
        return self.rows.rows.get((token_ids.shard_of(token_id), key))

    def standing(self, token_id: str, client: str = "client-1") -> TokenRow:
        """Look a row up that has to be there."""
        row = self.row(token_id, client)
        assert row is not None
        return row

    def refresh(self, token_id: str, *, life: Life | None = None, generation: int | None = None) -> RefreshAnswer:
        """Ask a replica for a refresh of a row, as it stands or of an earlier generation."""
        row = self.standing(token_id)
        return (life or self.life).engine.refresh(
            CallContext("call-1", "key-1"),
            shard=row.shard,
            token_key=row.binding.token_key,
            generation=row.binding.generation if generation is None else generation,
        )

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(int(seconds * MICROSECONDS))

    def sweep(self) -> None:
        """Have what waits for revocation upstream tried now, as the background does."""
        self.pass_time(11)
        self.life.engine.upstream.sweep()

    def spooled(self, owner: bytes = THIS) -> list[str]:
        """List the records on a replica's disk, by kind."""
        directory = self.directory / owner.decode() / "spool"
        return sorted(path.name.rpartition("-")[0] for path in directory.glob("*.record"))


class Client:
    """A client company as the service sees it: a caller that passed the door."""

    def __init__(self, world: World, name: str, scope: Scope, life: Life | None) -> None:
        self._world = world
        self._life = life
        self._name = name
        self._caller = Caller(f"key-of-{name}", frozenset({name}), scope, frozenset(Method))
        self._calls = itertools.count(1)

    def connect(
        self,
        user: str,
        grant: Grant,
        *,
        integration: str = "coinbase",
        scope: Scope | None = Scope.READ,
        request_id: str | None = None,
        allow_account_change: bool = False,
    ) -> ConnectResult:
        command = ConnectCommand(user, integration, scope, request_id, allow_account_change, grant)
        return self._verbs.connect(self.call(), command)

    def new_token(self, user: str = "alice") -> str:
        """Connect a user for a token that lives for an hour and can be refreshed; return its id."""
        return self.connect(user, self._world.coinbase.authorize(user)).token_id

    def resolve(
        self,
        token_id: str,
        *,
        required: Scope = Scope.READ,
        user: str | None = None,
        min_validity: float = 60,
        rejected: int | None = None,
        patience: int = PATIENCE,
    ) -> Resolved:
        query = ResolveQuery(token_id, user, required, int(min_validity * MICROSECONDS), rejected)
        return self._verbs.resolve(self.call(patience), query)

    def token(self, token_id: str, *, required: Scope = Scope.READ) -> str:
        """Resolve a bearer token and read it."""
        credential = self.resolve(token_id, required=required).credential
        assert isinstance(credential, BearerToken)
        return credential.token.reveal()

    def revoke(self, token_id: str) -> Revoked:
        return self._verbs.revoke(self.call(), token_id)

    def check_scope(self, token_id: str, required: Scope) -> ScopeAnswer:
        return self._verbs.check_scope(self.call(), token_id, required)

    def call(self, patience: int = PATIENCE) -> Call:
        """Return a call as the door lets it in."""
        deadline = self._world.clock.elapsed() + patience
        return Call(f"call-{self._name}-{next(self._calls)}", self._caller, self._name, deadline)

    @property
    def _verbs(self) -> Verbs:
        return (self._life or self._world.life).verbs
