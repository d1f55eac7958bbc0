"""An exchanger that is away, slow or ending: nobody waits without end, and what was begun is finished."""

import threading

import pytest

from mmt_grpc.domain.errors import OverloadedError, ProviderUnavailableError
from mmt_grpc.domain.model import Scope, Upstream
from mmt_grpc.domain.ports.exchanger import Progress, StagedRevocation
from mmt_grpc.domain.token_row import Binding, SealedToken
from mmt_grpc.transport.credentials import ListenError
from mmt_grpc.transport.internal.client import ExchangerTimeouts, InternalExchanger
from mmt_grpc.transport.internal.server import ExchangerPlaces, ExchangerServer
from tests.transport.internal.wired import (
    CONTEXT,
    KEY,
    PATIENCE,
    SECRET,
    RecordingExchanger,
    complete,
    new_server,
    order,
    wired,
)
from tests.transport.stand_ins import RecordingLog

STAGED = StagedRevocation(
    shard=7,
    binding=Binding(KEY, KEY, "uphold", Scope.READ, 3),
    sealed=SealedToken(1, 2, b"ak", b"rk", b"ab", None, b"mb"),
    account_key=None,
    unsettled=False,
)


def test_an_exchanger_that_is_not_there_is_unavailable() -> None:
    worker = InternalExchanger(socket_path="/nonexistent/mmt", secret=SECRET)
    with pytest.raises(ProviderUnavailableError):
        worker.refresh(CONTEXT, shard=1, token_key=KEY, generation=1)
    worker.close()


def test_a_worker_finds_its_exchanger_again_after_a_restart() -> None:
    with wired() as parts:
        assert complete(parts.worker) is Upstream.ACCEPTED
        parts.server.stop(0)
        with pytest.raises(ProviderUnavailableError):
            complete(parts.worker)
        parts.server = new_server(parts.exchanger, parts.socket_path, parts.log)
        for _ in range(10_000):
            try:
                assert complete(parts.worker) is Upstream.ACCEPTED
            except ProviderUnavailableError:
                threading.Event().wait(0.01)
            else:
                break
        else:
            pytest.fail("the worker did not find its exchanger again")


@pytest.mark.parametrize("method", ["connect", "refresh", "probe", "stage_revocation", "complete_revocation"])
def test_no_answer_is_waited_for_without_end(method: str) -> None:
    short = ExchangerTimeouts(connect=0.05, refresh=0.05, probe=0.05, stage_revocation=0.05, complete_revocation=0.05)
    let_go = threading.Event()
    with wired(timeouts=short) as parts:
        parts.exchanger.act = lambda _: let_go.wait(PATIENCE) and None
        with pytest.raises(ProviderUnavailableError):
            call(parts.worker, method)
        let_go.set()


def call(worker: InternalExchanger, method: str) -> object:
    if method == "connect":
        return worker.connect(order(time_left=9_000_000))
    if method == "stage_revocation":
        worker.stage_revocation(CONTEXT, STAGED)
        return None
    if method == "complete_revocation":
        return complete(worker)
    if method == "probe":
        return worker.probe(CONTEXT, shard=1, token_key=KEY, generation=1)
    return worker.refresh(CONTEXT, shard=1, token_key=KEY, generation=1)


def test_a_connect_does_not_outlive_its_caller() -> None:
    let_go = threading.Event()
    with wired() as parts:
        parts.exchanger.act = lambda _: let_go.wait(PATIENCE) and None
        with pytest.raises(ProviderUnavailableError):
            parts.worker.connect(order(time_left=50_000))
        let_go.set()


def test_slow_exchanges_leave_room_for_the_rest() -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def act(method: str) -> None:
        if method == "connect":
            arrived.set()
            assert let_go.wait(PATIENCE)

    with wired(places=ExchangerPlaces(connect=1)) as parts:
        parts.exchanger.act = act
        first = threading.Thread(target=parts.worker.connect, args=(order(time_left=60_000_000),))
        first.start()
        assert arrived.wait(PATIENCE)
        with pytest.raises(OverloadedError):
            parts.worker.connect(order(time_left=60_000_000))
        answer = parts.worker.refresh(CONTEXT, shard=1, token_key=KEY, generation=1)
        assert answer.progress is Progress.STARTED
        let_go.set()
        first.join(PATIENCE)


def test_a_socket_path_that_is_too_long_is_said_to_be() -> None:
    server = ExchangerServer(
        exchanger=RecordingExchanger(), socket_path="/" + "x" * 107, secret=SECRET, log=RecordingLog()
    )
    with pytest.raises(ListenError, match="longer than 107 bytes"):
        server.start()


def test_a_socket_that_cannot_be_bound_is_said_to_be() -> None:
    server = ExchangerServer(
        exchanger=RecordingExchanger(), socket_path="/nonexistent/mmt", secret=SECRET, log=RecordingLog()
    )
    with pytest.raises(ListenError, match="cannot listen on"):
        server.start()


def test_the_end_waits_for_what_a_worker_that_is_gone_has_begun() -> None:
    """A Connect goes on although nobody waits for it any more; whoever ends the server does wait."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def act(_: str) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        ended.set()

    with wired() as parts:
        parts.exchanger.act = act

        def call() -> None:
            with pytest.raises(ProviderUnavailableError):
                complete(parts.worker)

        calling = threading.Thread(target=call)
        calling.start()
        begun.wait()
        parts.worker.close()
        calling.join()
        stopping = threading.Thread(target=lambda: parts.server.stop(60))
        stopping.start()
        # Time enough for a server that forgets the handler to be done with its end.
        stopping.join(0.5)
        assert stopping.is_alive()
        go_on.set()
        stopping.join()
        assert ended.is_set()
