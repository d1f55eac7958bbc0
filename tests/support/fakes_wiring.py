"""A replica in one process: the engine and the verbs composed as the processes compose them, around fakes."""

import threading
from dataclasses import dataclass
from pathlib import Path

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
from mmt_grpc.domain.ports.store import Installations, Ledger, Replicas
from mmt_grpc.domain.resolve import Resolve
from mmt_grpc.domain.revoke import Revoke
from mmt_grpc.domain.verbs import Verbs
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.exchange.attempt import Attempts
from mmt_grpc.exchange.committing import Committing
from mmt_grpc.exchange.connecting import Connecting
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.exchange_audit import ExchangeAudit
from mmt_grpc.exchange.heartbeat import Heartbeat
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.outages import Outages
from mmt_grpc.exchange.probing import Probing
from mmt_grpc.exchange.reconciling import Reconciling
from mmt_grpc.exchange.refreshing import Refreshing
from mmt_grpc.exchange.request_identity import RequestIdentities
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.revoking import Revoking
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.unkept import Unkept
from mmt_grpc.exchange.upstream import UpstreamWork
from mmt_grpc.exchange.write_back import WriteBack
from tests.support.fake_connect import FakeTokens
from tests.support.fakes_failure import ArmedFailpoints


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a replica stands on."""

    owner: bytes
    life: bytes
    state_directory: Path
    rows: FakeTokens
    replicas: Replicas
    installations: Installations
    ledger: Ledger
    providers: Providers
    access_keyring: AccessKeyring
    renewal_keyring: RenewalKeyring
    audit: Audit
    log: EventLog
    clock: Clock
    randomness: Randomness
    failpoints: ArmedFailpoints
    stopping: threading.Event
    waiting_places: int = 64

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

    def spool(self) -> Spool:
        """Open the spool of the state directory."""
        records = RenewalRecordSealing(renewal_keyring=self.renewal_keyring, randomness=self.randomness)
        return Spool(directory=self.state_directory / "spool", sealing=records)


def build_engine(parts: Parts, *, lanes: Lanes) -> ExchangeEngine:
    """Put the engine together; nothing runs yet."""
    spool = parts.spool()
    upstream = UpstreamWork(
        spool=spool,
        rows=parts.rows,
        ledger=parts.ledger,
        sealing=parts.sealing,
        providers=parts.providers,
        clock=parts.clock,
        randomness=parts.randomness,
        log=parts.log,
        stopping=parts.stopping,
    )
    reconciling = Reconciling(
        rows=parts.rows,
        ledger=parts.ledger,
        installations=parts.installations,
        upstream=upstream,
        log=parts.log,
    )
    write_back = WriteBack(
        rows=parts.rows,
        sealing=parts.sealing,
        clock=parts.clock,
        randomness=parts.randomness,
        upstream=upstream,
        stopping=parts.stopping,
        log=parts.log,
    )
    refreshing = _build_refreshing(parts, write_back, lanes)
    requests = Requests(rows=parts.rows, replicas=parts.replicas, sealing=parts.sealing, clock=parts.clock)
    unkept = Unkept(spool=spool, upstream=upstream)
    return ExchangeEngine(
        connecting=_build_connecting(parts, requests, unkept),
        refreshing=refreshing,
        probing=Probing(rows=parts.rows, sealing=parts.sealing, providers=parts.providers),
        revoking=Revoking(
            spool=spool,
            upstream=upstream,
            rows=parts.rows,
            sealing=parts.sealing,
            providers=parts.providers,
            refreshing=refreshing,
            failpoints=parts.failpoints,
            log=parts.log,
        ),
        settling=Settling(
            owner=parts.owner,
            life=parts.life,
            attempts=parts.rows,
            rows=parts.rows,
            requests=requests,
            unkept=unkept,
            spool=spool,
            write_back=write_back,
            log=parts.log,
        ),
        reconciling=reconciling,
        heartbeat=Heartbeat(
            owner=parts.owner,
            life=parts.life,
            epochs=lambda: (parts.access_keyring.epochs, parts.renewal_keyring.epochs),
            replicas=parts.replicas,
            rows=parts.rows,
            reconciling=reconciling,
            spool=spool,
            lanes=lanes,
            stopping=parts.stopping,
            log=parts.log,
        ),
        upstream=upstream,
        lanes=lanes,
        stopping=parts.stopping,
    )


def _build_refreshing(parts: Parts, write_back: WriteBack, lanes: Lanes) -> Refreshing:
    outages = Outages(clock=parts.clock, log=parts.log)
    return Refreshing(
        rows=parts.rows,
        providers=parts.providers,
        sealing=parts.sealing,
        audit=parts.audit,
        attempts=Attempts(
            owner=parts.owner,
            rows=parts.rows,
            sealing=parts.sealing,
            clock=parts.clock,
            randomness=parts.randomness,
            outages=outages,
            write_back=write_back,
            failpoints=parts.failpoints,
            log=parts.log,
        ),
        write_back=write_back,
        outages=outages,
        lanes=lanes,
        log=parts.log,
    )


def _build_connecting(parts: Parts, requests: Requests, unkept: Unkept) -> Connecting:
    return Connecting(
        rows=parts.rows,
        ledger=parts.ledger,
        index=parts.index,
        providers=parts.providers,
        identities=RequestIdentities(
            index=KeyedRequestIndex(access_keyring=parts.access_keyring),
            randomness=parts.randomness,
            owner=parts.owner,
            life=parts.life,
        ),
        requests=requests,
        unkept=unkept,
        audit=ExchangeAudit(audit=parts.audit, log=parts.log),
        committing=Committing(
            rows=parts.rows,
            index=parts.index,
            sealing=parts.sealing,
            requests=requests,
            randomness=parts.randomness,
            failpoints=parts.failpoints,
        ),
        clock=parts.clock,
        failpoints=parts.failpoints,
    )


def build_verbs(parts: Parts, *, catalogue: Catalogue, exchanger: Exchanger) -> Verbs:
    """Put the verbs of a worker together."""
    sealing = RowAccessSealing(access_keyring=parts.access_keyring)
    freshness = Freshness(
        rows=parts.rows,
        exchanger=exchanger,
        clock=parts.clock,
        waiting_room=WaitingRoom(places=parts.waiting_places),
    )
    return Verbs(
        connect=Connect(
            catalogue=catalogue, index=parts.index, exchanger=exchanger, audit=parts.audit, clock=parts.clock
        ),
        resolve=Resolve(rows=parts.rows, index=parts.index, sealing=sealing, freshness=freshness, audit=parts.audit),
        revoke=Revoke(
            rows=parts.rows,
            ledger=parts.ledger,
            index=parts.index,
            exchanger=exchanger,
            audit=parts.audit,
            clock=parts.clock,
            failpoints=parts.failpoints,
        ),
        check_scope=CheckScope(rows=parts.rows, index=parts.index, sealing=sealing, audit=parts.audit),
    )
