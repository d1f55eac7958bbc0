"""The exchanger as workers see it: every order goes to the part that does it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import Liveness, Upstream
from mmt_grpc.domain.ports.exchanger import CallContext, Connected, ConnectOrder, RefreshAnswer, StagedRevocation
from mmt_grpc.exchange.comparing import Comparing
from mmt_grpc.exchange.connecting import Connecting
from mmt_grpc.exchange.heartbeat import Heartbeat
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.probing import Probing
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.refreshing import Refreshing
from mmt_grpc.exchange.revoking import Revoking
from mmt_grpc.exchange.scheduler import Scheduler
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.upkeep import Upkeep
from mmt_grpc.exchange.upstream import UpstreamWork
from mmt_grpc.exchange.write_back import StoppedError

HEARTBEAT: Final = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeEngine:
    """Implements `domain.ports.exchanger.Exchanger` and runs what goes on in the background."""

    connecting: Connecting
    refreshing: Refreshing
    probing: Probing
    revoking: Revoking
    settling: Settling
    comparing: Comparing
    recovery: Recovery
    heartbeat: Heartbeat
    upkeep: Upkeep
    scheduler: Scheduler
    upstream: UpstreamWork
    lanes: Lanes
    stopping: threading.Event
    _threads: dict[str, threading.Thread] = field(default_factory=dict)

    def start(self) -> None:
        """Settle what earlier lives left, compare the ledger in full, then work in the background.

        Raises `StoreUnavailableError`: nothing is served before this is done; and `StoppedError` if the process is to
        end before it can be.
        """
        self.heartbeat.beat()
        # A start that takes long is no absence.
        self._run(HEARTBEAT, self.heartbeat.run)
        try:
            self._recover()
        except BaseException:
            self._end_heartbeat()
            raise
        self._run("upkeep", self.upkeep.run)
        self._run("upstream", self.upstream.run)
        self._run("scheduler", self.scheduler.run)

    def _run(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads[name] = thread

    def recover(self) -> None:
        """Settle what earlier lives left, once the registry says that they are over; raises as `start`."""
        self.heartbeat.beat()
        self._recover()

    def _recover(self) -> None:
        # Taking part in the recovery settles the attempts; where it has to wait for somebody, they do not.
        if not self.recovery.step():
            self.settling.settle_attempts(every=True)
        self.settling.settle_connects()
        while self.comparing.step(looks_back=True):
            if self.stopping.is_set():
                raise StoppedError
            # Others' leases do not wait until a long ledger is compared.
            self.recovery.step()

    def wait_for_revokes(self, *, is_stopping: Callable[[], bool]) -> None:
        """Wait until no row is left that the ledger named at the start, though workers are answered by now."""
        self.comparing.wait_for_revokes(is_stopping=is_stopping)

    def stop(self) -> bool:
        """Take nothing new, let what runs come to its end, stop the background; True if nothing is left unsettled.

        Revocations that the exchange has not confirmed stay on disk either way: the next start goes on with them.
        """
        self.stopping.set()
        self.upkeep.wake()
        self.upstream.close()
        self.lanes.close()
        for name in self._threads.keys() - {HEARTBEAT}:
            self._threads[name].join()
        drained = self._drained()
        # Until here others have to wait for what this one settles.
        self._end_heartbeat()
        return drained

    def _end_heartbeat(self) -> None:
        self.heartbeat.end()
        if HEARTBEAT in self._threads:
            self._threads[HEARTBEAT].join()

    def _drained(self) -> bool:
        if not self.heartbeat.presence.is_ours:
            # What is left is settled by whoever goes on under this id, and may be running there.
            return False
        try:
            # An answer may be settled as far as leases go, and still wait for its provider or its disk.
            return self.settling.settle_attempts(every=True) and not self.settling.unsettled()
        except (StoreUnavailableError, StoppedError):
            return False

    def connect(self, order: ConnectOrder) -> Connected:
        """Do and commit a whole Connect."""
        return self.connecting.connect(order)

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        """Start a refresh, or say why not now."""
        return self.refreshing.start(context, shard=shard, token_key=token_key, generation=generation)

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        """Ask the provider about a credential. The context is the port's; nothing is changed that it would audit."""
        del context
        return self.probing.probe(shard=shard, token_key=token_key, generation=generation)

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        """Keep sealed credentials for revocation; the worker has audited the intent under the context's id."""
        del context
        self.revoking.stage(staged)

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        """Revoke upstream what was staged."""
        return self.revoking.complete(context, shard=shard, token_key=token_key)
