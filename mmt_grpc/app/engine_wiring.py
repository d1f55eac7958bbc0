"""Puts the exchange engine together from its parts."""

from functools import cached_property

from mmt_grpc.app.comparing_wiring import build_comparing, build_guard
from mmt_grpc.app.connecting_wiring import build_connecting
from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.app.revocation_wiring import build_upstream
from mmt_grpc.app.schedule_wiring import build_scheduler
from mmt_grpc.app.upkeep_wiring import build_heartbeat, build_presence, build_upkeep
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.account_limits import AccountLimits
from mmt_grpc.exchange.asking import Asking
from mmt_grpc.exchange.attempt import Attempts
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.connecting import Connecting
from mmt_grpc.exchange.database_clock import DatabaseClock
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.fitness import Fitness
from mmt_grpc.exchange.probing import Probing
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.refreshing import Refreshing
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.revoking import Revoking
from mmt_grpc.exchange.settlement import Settlement
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.unkept import Unkept
from mmt_grpc.exchange.upstream import UpstreamWork
from mmt_grpc.exchange.write_back import WriteBack


class EngineWiring:
    """The engine's parts, each made once and shared by those that need it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._disk = Disk(log=parts.log)
        self._presence = build_presence(parts)
        self._database_clock = DatabaseClock(log=parts.log, on_doubt=self._doubted)
        parts.losses.listener = self._lost

    def engine(self) -> ExchangeEngine:
        """Return the engine, not started yet."""
        return ExchangeEngine(
            connecting=self._connecting,
            refreshing=self._refreshing,
            probing=self._probing,
            revoking=self._revoking,
            settling=self._settling,
            comparing=self._comparing,
            recovery=self._recovery,
            heartbeat=build_heartbeat(self._parts, fitness=self._fitness, guard=self._guard),
            upkeep=build_upkeep(
                self._parts,
                presence=self._presence,
                comparing=self._comparing,
                disk=self._disk,
                settling=self._settling,
                recovery=self._recovery,
            ),
            scheduler=build_scheduler(self._parts, self._refreshing),
            upstream=self._upstream,
            lanes=self._parts.lanes,
            stopping=self._parts.stopping,
        )

    def _doubted(self) -> None:
        """The database's clock jumped, or another node answers: what went by it is settled anew."""
        self._recovery.notice()

    def _lost(self) -> None:
        """A connection was lost: what was acknowledged may be gone, and what was deleted may be back."""
        self._guard.suspect()
        self._recovery.notice()

    @cached_property
    def _upstream(self) -> UpstreamWork:
        return build_upstream(self._parts, self._guard)

    @cached_property
    def _probing(self) -> Probing:
        parts = self._parts
        return Probing(
            rows=parts.tokens,
            guard=self._guard,
            sealing=parts.sealing,
            providers=parts.providers,
            pacing=parts.pacing,
        )

    @cached_property
    def _asking(self) -> Asking:
        return Asking(probing=self._probing, clock=self._parts.clock, log=self._parts.log)

    @cached_property
    def _guard(self) -> RevivalGuard:
        # The recovery is made with this guard.
        return build_guard(self._parts, on_set_back=lambda: self._recovery.notice())  # noqa: PLW0108  # as said

    @cached_property
    def _comparing(self) -> Comparing:
        return build_comparing(self._parts, self._guard, self._upstream)

    @cached_property
    def _write_back(self) -> WriteBack:
        return WriteBack(
            rows=self._parts.tokens,
            guard=self._guard,
            clock=self._parts.clock,
            randomness=self._parts.randomness,
            stopping=self._parts.stopping,
        )

    @cached_property
    def _settlement(self) -> Settlement:
        parts = self._parts
        return Settlement(
            owner=parts.owner,
            rows=self._parts.tokens,
            sealing=self._parts.sealing,
            providers=parts.providers,
            asking=self._asking,
            attempt_log=parts.attempt_log,
            write_back=self._write_back,
            wall_clock=parts.wall_clock,
            unwanted=self._upstream,
            randomness=self._parts.randomness,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _recovery(self) -> Recovery:
        parts = self._parts
        return Recovery(
            owner=parts.owner,
            recoveries=parts.recoveries,
            settling=self._settling,
            lanes=self._parts.lanes,
            guard=self._guard,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _fitness(self) -> Fitness:
        return Fitness(
            disk=self._disk,
            presence=self._presence,
            database_clock=self._database_clock,
            recovery=self._recovery,
            observer=self._parts.observer,
        )

    @cached_property
    def _refreshing(self) -> Refreshing:
        parts = self._parts
        return Refreshing(
            rows=self._parts.tokens,
            providers=parts.providers,
            sealing=self._parts.sealing,
            audit=parts.audit,
            attempts=self._attempts,
            write_back=self._write_back,
            pacing=parts.pacing,
            resting=AccountLimits(clock=parts.clock),
            lanes=self._parts.lanes,
            fitness=self._fitness,
            guard=self._guard,
            observer=parts.observer,
            log=parts.log,
        )

    @cached_property
    def _attempts(self) -> Attempts:
        parts = self._parts
        return Attempts(
            owner=parts.owner,
            rows=self._parts.tokens,
            clock=self._parts.clock,
            randomness=self._parts.randomness,
            attempt_log=parts.attempt_log,
            disk=self._disk,
            fitness=self._fitness,
            settlement=self._settlement,
            write_back=self._write_back,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _requests(self) -> Requests:
        return Requests(
            rows=self._parts.requests,
            replicas=self._parts.replicas,
            sealing=self._parts.sealing,
            guard=self._guard,
            clock=self._parts.clock,
            stopping=self._parts.stopping,
        )

    @cached_property
    def _unkept(self) -> Unkept:
        return Unkept(spool=self._parts.spool, upstream=self._upstream, failpoints=self._parts.failpoints)

    @cached_property
    def _connecting(self) -> Connecting:
        return build_connecting(self._parts, guard=self._guard, requests=self._requests, unkept=self._unkept)

    @cached_property
    def _revoking(self) -> Revoking:
        parts = self._parts
        return Revoking(
            spool=parts.spool,
            upstream=self._upstream,
            rows=self._parts.tokens,
            sealing=self._parts.sealing,
            refreshing=self._refreshing,
            probing=self._probing,
            failpoints=parts.failpoints,
            log=parts.log,
        )

    @cached_property
    def _settling(self) -> Settling:
        parts = self._parts
        return Settling(
            owner=parts.owner,
            life=parts.life,
            attempts=self._parts.tokens,
            rows=self._parts.requests,
            requests=self._requests,
            unkept=self._unkept,
            spool=parts.spool,
            attempt_log=parts.attempt_log,
            settlement=self._settlement,
            lanes=self._parts.lanes,
            disk=self._disk,
            clock=parts.clock,
            log=parts.log,
        )
