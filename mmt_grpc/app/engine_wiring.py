"""Puts the exchange engine together from its parts."""

import threading
from dataclasses import dataclass

from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.crypto.index import KeyedIndex, KeyedRequestIndex
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.rows import RowSealing
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.providers import Providers
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
from mmt_grpc.store.ledger import PeeweeLedger
from mmt_grpc.store.opening import Store
from mmt_grpc.telemetry.clock import BootClock
from mmt_grpc.telemetry.log import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the exchanger is made of."""

    owner: bytes
    life: bytes
    access_keyring: AccessKeyring
    renewal_keyring: RenewalKeyring
    store: Store
    ledger: PeeweeLedger
    audit: FileAudit
    providers: Providers
    spool: Spool
    failpoints: Failpoints
    stopping: threading.Event
    log: Log

    @property
    def sealing(self) -> RowSealing:
        """What opens and seals rows."""
        return RowSealing(
            access_keyring=self.access_keyring,
            renewal_keyring=self.renewal_keyring,
            randomness=SystemRandomness(),
        )


def build_engine(parts: Parts) -> ExchangeEngine:
    """Put the engine together."""
    rows, clock, randomness, log = parts.store.tokens, BootClock(), SystemRandomness(), parts.log
    sealing, lanes = parts.sealing, Lanes()
    upstream = UpstreamWork(
        spool=parts.spool,
        rows=rows,
        ledger=parts.ledger,
        sealing=sealing,
        providers=parts.providers,
        clock=clock,
        randomness=randomness,
        log=log,
        stopping=parts.stopping,
    )
    reconciling = Reconciling(
        rows=rows,
        ledger=parts.ledger,
        installations=parts.store.installations,
        spool=parts.spool,
        upstream=upstream,
        log=log,
    )
    write_back = WriteBack(
        rows=rows, sealing=sealing, clock=clock, randomness=randomness, stopping=parts.stopping, log=log
    )
    refreshing = build_refreshing(parts, write_back, lanes)
    requests = Requests(rows=rows, replicas=parts.store.replicas, sealing=sealing, clock=clock)
    unkept = Unkept(spool=parts.spool, upstream=upstream)
    return ExchangeEngine(
        connecting=build_connecting(parts, requests, unkept),
        refreshing=refreshing,
        probing=Probing(rows=rows, sealing=sealing, providers=parts.providers),
        revoking=Revoking(
            spool=parts.spool,
            upstream=upstream,
            rows=rows,
            sealing=sealing,
            providers=parts.providers,
            refreshing=refreshing,
            failpoints=parts.failpoints,
            log=log,
        ),
        settling=Settling(
            owner=parts.owner,
            life=parts.life,
            attempts=rows,
            rows=rows,
            requests=requests,
            unkept=unkept,
            spool=parts.spool,
            write_back=write_back,
            log=log,
        ),
        reconciling=reconciling,
        heartbeat=Heartbeat(
            owner=parts.owner,
            life=parts.life,
            epochs=lambda: (parts.access_keyring.epochs, parts.renewal_keyring.epochs),
            replicas=parts.store.replicas,
            rows=rows,
            reconciling=reconciling,
            spool=parts.spool,
            lanes=lanes,
            stopping=parts.stopping,
            log=log,
        ),
        upstream=upstream,
        lanes=lanes,
        stopping=parts.stopping,
    )


def build_refreshing(parts: Parts, write_back: WriteBack, lanes: Lanes) -> Refreshing:
    """Put refreshes together."""
    clock, randomness = BootClock(), SystemRandomness()
    outages = Outages(clock=clock, log=parts.log)
    return Refreshing(
        rows=parts.store.tokens,
        providers=parts.providers,
        sealing=parts.sealing,
        audit=parts.audit,
        attempts=Attempts(
            owner=parts.owner,
            rows=parts.store.tokens,
            sealing=parts.sealing,
            clock=clock,
            randomness=randomness,
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


def build_connecting(parts: Parts, requests: Requests, unkept: Unkept) -> Connecting:
    """Put Connect together."""
    rows, randomness = parts.store.tokens, SystemRandomness()
    index = KeyedIndex(access_keyring=parts.access_keyring)
    return Connecting(
        rows=rows,
        ledger=parts.ledger,
        index=index,
        providers=parts.providers,
        identities=RequestIdentities(
            index=KeyedRequestIndex(access_keyring=parts.access_keyring),
            randomness=randomness,
            owner=parts.owner,
            life=parts.life,
        ),
        requests=requests,
        unkept=unkept,
        audit=ExchangeAudit(audit=parts.audit, log=parts.log),
        committing=Committing(
            rows=rows,
            index=index,
            sealing=parts.sealing,
            requests=requests,
            randomness=randomness,
            failpoints=parts.failpoints,
        ),
        clock=BootClock(),
        failpoints=parts.failpoints,
    )
