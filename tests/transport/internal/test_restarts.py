"""An exchanger that is being started again: what was not taken, or may be asked twice, is asked again."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt.internal.v1 import exchanger_service_pb2_grpc as stubs
from mmt_grpc.domain.errors import ExchangerUnreachableError
from mmt_grpc.domain.model import Liveness
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.transport.internal.client import InternalExchanger
from mmt_grpc.transport.internal.servicer import ExchangerServicer
from tests.transport.internal.test_absence import STAGED
from tests.transport.internal.wired import KEY, PATIENCE, SECRET, RecordingExchanger, new_server, order, wired

HURRIED = CallContext("call-1", "key-1", 300_000)
WAITING = CallContext("call-1", "key-1", PATIENCE * 1_000_000)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mmt-") as folder:
        yield Path(folder) / "x"


class TurningAway(ExchangerServicer):
    """Ends the first calls as gRPC's core ends those that arrive while a server stops."""

    def __init__(self, times: int, code: grpc.StatusCode) -> None:
        super().__init__(exchanger=RecordingExchanger())
        self.left = times
        self.code = code

    def Connect(self, request: pb.ConnectRequest, context: grpc.ServicerContext) -> pb.ConnectResponse:  # noqa: N802  # gRPC's name
        if self.left:
            self.left -= 1
            context.abort(self.code, "")
        return super().Connect(request, context)


@contextlib.contextmanager
def turned_away(code: grpc.StatusCode, socket_path: Path) -> Iterator[InternalExchanger]:
    """A worker whose exchanger ends the first two Connects so."""
    server = grpc.server(ThreadPoolExecutor(2))
    stubs.add_ExchangerServiceServicer_to_server(TurningAway(2, code), server)
    server.add_secure_port(f"unix:{socket_path}", grpc.local_server_credentials(grpc.LocalConnectionType.UDS))
    server.start()
    worker = InternalExchanger(socket_path=str(socket_path), secret=SECRET)
    try:
        yield worker
    finally:
        worker.close()
        server.stop(0).wait()


def test_a_connect_that_nobody_took_is_asked_again(socket_path: Path) -> None:
    with turned_away(grpc.StatusCode.CANCELLED, socket_path) as worker:
        assert worker.connect(order(time_left=PATIENCE * 1_000_000)).token_id == "token-1"


def test_a_connect_that_somebody_may_have_taken_is_not(socket_path: Path) -> None:
    with turned_away(grpc.StatusCode.UNAVAILABLE, socket_path) as worker, pytest.raises(ExchangerUnreachableError):
        worker.connect(order(time_left=PATIENCE * 1_000_000))


@pytest.mark.parametrize("method", ["stage_revocation", "probe"])
def test_what_may_be_asked_twice_is_asked_until_the_next_exchanger_answers(method: str) -> None:
    taken = threading.Event()

    def hang(_: str) -> None:
        taken.set()
        threading.Event().wait(1)

    with wired() as parts, ThreadPoolExecutor(1) as pool:
        parts.exchanger.act = hang
        answer = pool.submit(ask, parts.worker, method)
        assert taken.wait(PATIENCE)
        parts.server.stop(0)
        parts.exchanger.act = None
        parts.server = new_server(parts.exchanger, parts.socket_path, parts.log)
        assert answer.result(PATIENCE) in {None, Liveness.ALIVE}
    assert [name for name, _ in parts.exchanger.calls] == [method, method]


def ask(worker: InternalExchanger, method: str) -> object:
    if method == "probe":
        return worker.probe(WAITING, shard=1, token_key=KEY, generation=1)
    return worker.stage_revocation(WAITING, STAGED)  # type: ignore[func-returns-value]  # None is its answer


def test_nothing_is_asked_for_longer_than_the_call_has(socket_path: Path) -> None:
    worker = InternalExchanger(socket_path=str(socket_path), secret=SECRET)
    for call in (
        lambda: worker.refresh(HURRIED, shard=1, token_key=KEY, generation=1),
        lambda: worker.probe(HURRIED, shard=1, token_key=KEY, generation=1),
        lambda: worker.stage_revocation(HURRIED, STAGED),
        lambda: worker.complete_revocation(HURRIED, shard=1, token_key=KEY),
    ):
        with pytest.raises(ExchangerUnreachableError):
            call()
    worker.close()
