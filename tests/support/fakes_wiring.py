"""A replica in one process: the engine and the verbs composed as the processes compose them, around fakes."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmt_grpc.app.engine_parts import Parts as EngineParts
from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.losses import Losses
from mmt_grpc.crypto.index import KeyedIndex, KeyedRequestIndex
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.catalogue import Catalogue
from mmt_grpc.domain.check_scope import CheckScope
from mmt_grpc.domain.connect import Connect
from mmt_grpc.domain.freshness import Freshness
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import Exchanger
from mmt_grpc.domain.ports.providers import Providers
from mmt_grpc.domain.ports.store import Budgets, Installations, Ledger, Recoveries, Replicas
from mmt_grpc.domain.resolve import Resolve
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.revoke import Revoke
from mmt_grpc.domain.verbs import Verbs
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.spool import Spool
from tests.support.fake_connect import FakeTokens
from tests.support.fakes_failure import ArmedFailpoints
from tests.support.fakes_process import StagedLanes

INTEGRATIONS = frozenset({"coinbase", "uphold", "binance"})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a replica stands on."""

    owner: bytes
    life: bytes
    state_directory: Path
    rows: FakeTokens
    replicas: Replicas
    installations: Installations
    recoveries: Recoveries
    budgets: Budgets
    ledger: Ledger
    providers: Providers
    access_keyring: AccessKeyring
    renewal_keyring: RenewalKeyring
    audit: Audit
    log: EventLog
    clock: Clock
    wall_clock: Callable[[], int]
    randomness: Randomness
    failpoints: ArmedFailpoints
    stopping: threading.Event
    waiting_places: int = 64
    losses: Losses = field(default_factory=Losses)
    is_over: Callable[[bytes], bool] = lambda _: True
    on_taken: Callable[[], None] = lambda: None

    @property
    def index(self) -> KeyedIndex:
        """The keyed hashes."""
        return KeyedIndex(access_keyring=self.access_keyring)

    @property
    def sealing(self) -> RowSealing:
        """The exchanger's sealing."""
        return RowSealing(
            access_keyring=self.access_keyring, renewal_keyring=self.renewal_keyring, randomness=self.randomness
        )

    @property
    def records(self) -> RenewalRecordSealing:
        """The sealing of what is in the state directory."""
        return RenewalRecordSealing(renewal_keyring=self.renewal_keyring, randomness=self.randomness)

    def spool(self) -> Spool:
        """Open the spool of the state directory."""
        return Spool(
            directory=self.state_directory / "spool", sealing=self.records, failpoints=self.failpoints, log=self.log
        )


class Unwatched:
    """Watches nothing."""

    def refresh_ended(self, integration: str, outcome: str) -> None:
        """Let it pass."""

    def breaker(self, integration: str, *, is_open: bool) -> None:
        """Let it pass."""

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        """Let it pass."""

    def spooled(self, records: Mapping[str, tuple[int, int]]) -> None:
        """Let it pass."""

    def leases_held_back(self, why: str, *, is_held: bool) -> None:
        """Let it pass."""


def build_engine(parts: Parts, *, lanes: Lanes) -> ExchangeEngine:
    """Put the engine together, as the exchanger does; nothing runs yet."""
    return EngineWiring(_engine_parts(parts, lanes)).engine()


def _engine_parts(parts: Parts, lanes: Lanes) -> EngineParts:
    return EngineParts(
        owner=parts.owner,
        life=parts.life,
        tokens=parts.rows,
        requests=parts.rows,
        replicas=parts.replicas,
        installations=parts.installations,
        recoveries=parts.recoveries,
        ledger=parts.ledger,
        index=parts.index,
        request_index=KeyedRequestIndex(access_keyring=parts.access_keyring),
        sealing=parts.sealing,
        epochs=lambda: (parts.access_keyring.epochs, parts.renewal_keyring.epochs),
        audit=parts.audit,
        providers=parts.providers,
        integrations=INTEGRATIONS,
        spool=parts.spool(),
        attempt_log=_attempt_log(parts),
        pacing=_pacing(parts),
        lanes=lanes,
        revocation_lanes=StagedLanes(),
        clock=parts.clock,
        wall_clock=parts.wall_clock,
        is_over=parts.is_over,
        on_taken=parts.on_taken,
        randomness=parts.randomness,
        failpoints=parts.failpoints,
        stopping=parts.stopping,
        losses=parts.losses,
        observer=Unwatched(),
        log=parts.log,
    )


def _attempt_log(parts: Parts) -> AttemptFiles:
    return AttemptFiles(
        directory=parts.state_directory / "spool",
        sealing=parts.records,
        failpoints=parts.failpoints,
        log=parts.log,
    )


def _pacing(parts: Parts) -> Pacing:
    return Pacing(
        rates={},
        budgets=parts.budgets,
        clock=parts.clock,
        randomness=parts.randomness,
        log=parts.log,
        observer=Unwatched(),
    )


def build_verbs(parts: Parts, *, catalogue: Catalogue, exchanger: Exchanger, guard: RevivalGuard) -> Verbs:
    """Put the verbs of a worker together."""
    sealing = RowAccessSealing(access_keyring=parts.access_keyring)
    waiting_room = WaitingRoom(places=parts.waiting_places)
    freshness = Freshness(rows=parts.rows, exchanger=exchanger, clock=parts.clock, waiting_room=waiting_room)
    return Verbs(
        connect=Connect(
            catalogue=catalogue,
            index=parts.index,
            exchanger=exchanger,
            audit=parts.audit,
            clock=parts.clock,
            waiting_room=waiting_room,
        ),
        resolve=Resolve(
            rows=parts.rows, index=parts.index, sealing=sealing, guard=guard, freshness=freshness, audit=parts.audit
        ),
        revoke=Revoke(
            rows=parts.rows,
            ledger=parts.ledger,
            index=parts.index,
            guard=guard,
            exchanger=exchanger,
            audit=parts.audit,
            clock=parts.clock,
            waiting_room=WaitingRoom(places=parts.waiting_places),
            failpoints=parts.failpoints,
        ),
        check_scope=CheckScope(rows=parts.rows, index=parts.index, sealing=sealing, guard=guard, audit=parts.audit),
    )
