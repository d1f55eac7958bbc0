"""Puts the exchange engine together from its parts."""

from functools import cached_property

from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.crypto.index import KeyedIndex, KeyedRequestIndex
from mmt_grpc.crypto.randomness import SystemRandomness
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
from mmt_grpc.exchange.unkept import Unkept
from mmt_grpc.exchange.upstream import UpstreamWork
from mmt_grpc.exchange.write_back import WriteBack
from mmt_grpc.telemetry.clock import BootClock


class EngineWiring:
    """The engine's parts, each made once and shared by those that need it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rows = parts.store.tokens
        self._clock = BootClock()
        self._randomness = SystemRandomness()
        self._sealing = parts.sealing
        self._lanes = Lanes()

    def engine(self) -> ExchangeEngine:
        """Return the engine, not started yet."""
        return ExchangeEngine(
            connecting=self._connecting,
            refreshing=self._refreshing,
            probing=Probing(rows=self._rows, sealing=self._sealing, providers=self._parts.providers),
            revoking=self._revoking,
            settling=self._settling,
            reconciling=self._reconciling,
            heartbeat=self._heartbeat,
            upstream=self._upstream,
            lanes=self._lanes,
            stopping=self._parts.stopping,
        )

    @cached_property
    def _upstream(self) -> UpstreamWork:
        parts = self._parts
        return UpstreamWork(
            spool=parts.spool,
            rows=self._rows,
            ledger=parts.ledger,
            sealing=self._sealing,
            providers=parts.providers,
            clock=self._clock,
            randomness=self._randomness,
            log=parts.log,
            stopping=parts.stopping,
        )

    @cached_property
    def _reconciling(self) -> Reconciling:
        parts = self._parts
        return Reconciling(
            rows=self._rows,
            ledger=parts.ledger,
            installations=parts.store.installations,
            upstream=self._upstream,
            log=parts.log,
        )

    @cached_property
    def _write_back(self) -> WriteBack:
        return WriteBack(
            rows=self._rows,
            sealing=self._sealing,
            clock=self._clock,
            randomness=self._randomness,
            upstream=self._upstream,
            stopping=self._parts.stopping,
            log=self._parts.log,
        )

    @cached_property
    def _outages(self) -> Outages:
        return Outages(clock=self._clock, log=self._parts.log)

    @cached_property
    def _refreshing(self) -> Refreshing:
        parts = self._parts
        return Refreshing(
            rows=self._rows,
            providers=parts.providers,
            sealing=self._sealing,
            audit=parts.audit,
            attempts=self._attempts,
            write_back=self._write_back,
            outages=self._outages,
            lanes=self._lanes,
            log=parts.log,
        )

    @cached_property
    def _attempts(self) -> Attempts:
        parts = self._parts
        return Attempts(
            owner=parts.owner,
            rows=self._rows,
            sealing=self._sealing,
            clock=self._clock,
            randomness=self._randomness,
            outages=self._outages,
            write_back=self._write_back,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _requests(self) -> Requests:
        replicas = self._parts.store.replicas
        return Requests(rows=self._rows, replicas=replicas, sealing=self._sealing, clock=self._clock)

    @cached_property
    def _unkept(self) -> Unkept:
        return Unkept(spool=self._parts.spool, upstream=self._upstream)

    @cached_property
    def _connecting(self) -> Connecting:
        parts = self._parts
        index = KeyedIndex(access_keyring=parts.access_keyring)
        return Connecting(
            rows=self._rows,
            ledger=parts.ledger,
            index=index,
            providers=parts.providers,
            identities=RequestIdentities(
                index=KeyedRequestIndex(access_keyring=parts.access_keyring),
                randomness=self._randomness,
                owner=parts.owner,
                life=parts.life,
            ),
            requests=self._requests,
            unkept=self._unkept,
            audit=ExchangeAudit(audit=parts.audit, log=parts.log),
            committing=Committing(
                rows=self._rows,
                index=index,
                sealing=self._sealing,
                requests=self._requests,
                randomness=self._randomness,
                failpoints=parts.failpoints,
            ),
            clock=self._clock,
            failpoints=parts.failpoints,
        )

    @cached_property
    def _revoking(self) -> Revoking:
        parts = self._parts
        return Revoking(
            spool=parts.spool,
            upstream=self._upstream,
            rows=self._rows,
            sealing=self._sealing,
            providers=parts.providers,
            refreshing=self._refreshing,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _settling(self) -> Settling:
        parts = self._parts
        return Settling(
            owner=parts.owner,
            life=parts.life,
            attempts=self._rows,
            rows=self._rows,
            requests=self._requests,
            unkept=self._unkept,
            spool=parts.spool,
            write_back=self._write_back,
            log=parts.log,
        )

    @cached_property
    def _heartbeat(self) -> Heartbeat:
        parts = self._parts
        return Heartbeat(
            owner=parts.owner,
            life=parts.life,
            epochs=parts.epochs,
            replicas=parts.store.replicas,
            rows=self._rows,
            reconciling=self._reconciling,
            spool=parts.spool,
            lanes=self._lanes,
            stopping=parts.stopping,
            log=parts.log,
        )
