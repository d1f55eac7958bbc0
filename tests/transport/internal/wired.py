"""A worker's end and an exchanger's end over a socket of their own, with a stand-in for the engine."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmt_grpc.domain.model import AuthorizationCode, ConnectOutcome, Identity, Liveness, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import (
    CallContext,
    Connected,
    ConnectOrder,
    Progress,
    RefreshAnswer,
    StagedRevocation,
)
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.internal.client import ExchangerTimeouts, InternalExchanger
from mmt_grpc.transport.internal.server import ExchangerPlaces, ExchangerServer
from tests.transport.stand_ins import RecordingLog

SECRET = Secret("s3cret-of-this-start")
CONTEXT = CallContext("call-1", "key-1")
KEY = b"k" * 32
PATIENCE = 60
"""Seconds after which a test gives up."""


@dataclass
class RecordingExchanger:
    """Answers well, unless `act` is set, which is called instead with the method's name."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    act: Callable[[str], Any] | None = None

    def _answer(self, method: str, arguments: Any, good: Any) -> Any:
        self.calls.append((method, arguments))
        other = None if self.act is None else self.act(method)
        return good if other is None else other

    def connect(self, order: ConnectOrder) -> Connected:
        good = Connected("token-1", ConnectOutcome.CREATED, 0, refreshable=False)
        answer: Connected = self._answer("connect", order, good)
        return answer

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        arguments = (context, shard, token_key, generation)
        answer: RefreshAnswer = self._answer("refresh", arguments, RefreshAnswer(Progress.STARTED))
        return answer

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        answer: Liveness = self._answer("probe", (context, shard, token_key, generation), Liveness.ALIVE)
        return answer

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        self._answer("stage_revocation", (context, staged), None)

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        answer: Upstream = self._answer("complete_revocation", (context, shard, token_key), Upstream.ACCEPTED)
        return answer


@dataclass
class Wired:
    exchanger: RecordingExchanger
    worker: InternalExchanger
    server: ExchangerServer
    log: RecordingLog
    socket_path: str


def new_server(exchanger: RecordingExchanger, socket_path: str, log: RecordingLog, **options: Any) -> ExchangerServer:
    server = ExchangerServer(exchanger=exchanger, socket_path=socket_path, secret=SECRET, log=log, **options)
    server.start()
    return server


@contextmanager
def wired(
    *,
    secret: Secret = SECRET,
    timeouts: ExchangerTimeouts | None = None,
    places: ExchangerPlaces | None = None,
) -> Iterator[Wired]:
    # A directory of its own and not pytest's: a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="mmt-") as folder:
        socket_path = str(Path(folder) / "x")
        exchanger, log = RecordingExchanger(), RecordingLog()
        server = new_server(exchanger, socket_path, log, places=places)
        worker = InternalExchanger(socket_path=socket_path, secret=secret, timeouts=timeouts)
        parts = Wired(exchanger, worker, server, log, socket_path)
        try:
            yield parts
        finally:
            worker.close()
            parts.server.stop(0)


def order(*, time_left: int) -> ConnectOrder:
    """Return an order whose caller waits so many microseconds more."""
    identity = Identity("client-1", "u", "coinbase", Scope.READ)
    grant = AuthorizationCode(Secret("code"), "", Secret(""))
    return ConnectOrder(CONTEXT, identity, grant, None, allow_account_change=False, time_left=time_left)


def complete(worker: InternalExchanger) -> Upstream:
    """Call the method that needs least."""
    return worker.complete_revocation(CONTEXT, shard=1, token_key=KEY)
