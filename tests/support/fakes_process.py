"""Between a worker and its exchanger, and inside it: lanes without threads, and a line that a death cuts."""

from collections.abc import Callable
from typing import TypeVar

from mmt_grpc.domain.errors import ExchangerUnreachableError
from mmt_grpc.domain.model import Liveness, Upstream
from mmt_grpc.domain.ports.exchanger import (
    CallContext,
    Connected,
    ConnectOrder,
    Exchanger,
    RefreshAnswer,
    StagedRevocation,
)
from mmt_grpc.exchange.lanes import Lanes
from tests.support.fakes_failure import CrashError

T = TypeVar("T")


class StagedLanes(Lanes):
    """Lanes without threads: work runs at once, or, where a test holds it back, when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.holds_back = False
        self._held: list[tuple[bytes, Callable[[], None]]] = []

    def start(self, lane: str, key: bytes, work: Callable[[], None]) -> bool:
        with self._lock:
            if self._closed or key in self._running:
                return False
            self._running[key] = lane
        if self.holds_back:
            self._held.append((key, work))
        else:
            self._run(key, work)
        return True

    def let_go(self) -> None:
        """Run what was held back."""
        self.holds_back = False
        held, self._held = self._held, []
        for key, work in held:
            self._run(key, work)

    def _run(self, key: bytes, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._end(key)


class Line:
    """The worker's end of the internal RPC: what happens to a process behind it is an exchanger out of reach."""

    def __init__(self, *, engine: Exchanger) -> None:
        self._engine = engine
        self.is_up = True
        self.calls: list[str] = []

    def connect(self, order: ConnectOrder) -> Connected:
        return self._ask("connect", lambda: self._engine.connect(order))

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        return self._ask(
            "refresh",
            lambda: self._engine.refresh(context, shard=shard, token_key=token_key, generation=generation),
        )

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        return self._ask(
            "probe", lambda: self._engine.probe(context, shard=shard, token_key=token_key, generation=generation)
        )

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        self._ask("stage", lambda: self._engine.stage_revocation(context, staged))

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        return self._ask(
            "complete", lambda: self._engine.complete_revocation(context, shard=shard, token_key=token_key)
        )

    def _ask(self, name: str, ask: Callable[[], T]) -> T:
        self.calls.append(name)
        if not self.is_up:
            raise ExchangerUnreachableError
        try:
            return ask()
        except CrashError:
            self.is_up = False
            raise ExchangerUnreachableError from None
