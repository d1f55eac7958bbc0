"""An exchanger's refusals reach the worker as they were raised; its absence is a provider that is unavailable."""

import threading
from typing import Any, cast

import grpc
import pytest

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt_grpc.domain.errors import (
    InvalidRequestError,
    MmtError,
    OverloadedError,
    ProviderUnavailableError,
    Reason,
)
from mmt_grpc.domain.model import AuthorizationCode, Identity, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import ConnectOrder, Progress, StagedRevocation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from mmt_grpc.transport.credentials import ListenError
from mmt_grpc.transport.internal.client import ExchangerTimeouts, InternalExchanger
from mmt_grpc.transport.internal.errors import error_of
from mmt_grpc.transport.internal.server import ExchangerPlaces, ExchangerServer
from mmt_grpc.transport.rich_error import details_of
from mmt_grpc.transport.sanitise import sanitised
from mmt_grpc.transport.statuses import ExchangerFailedError
from tests.transport.internal.wired import CONTEXT, SECRET, RecordingExchanger, Wired, new_server, wired
from tests.transport.samples import SAMPLES
from tests.transport.stand_ins import RecordingLog

KEY = b"k" * 32
PATIENCE = 60
AS_THEY_ARE = [error for error in SAMPLES if error.reason is not Reason.CALLER_UNAUTHENTICATED]


STAGED = StagedRevocation(
    shard=7,
    binding=Binding(KEY, KEY, "uphold", Scope.READ, 3),
    sealed=SealedToken(1, 2, b"ak", b"rk", b"ab", None, b"mb"),
    account_key=None,
    unsettled=False,
)


def order(*, time_left: int) -> ConnectOrder:
    identity = Identity("client-1", "u", "coinbase", Scope.READ)
    grant = AuthorizationCode(Secret("code"), "", Secret(""))
    return ConnectOrder(CONTEXT, identity, grant, None, allow_account_change=False, time_left=time_left)


def complete(worker: InternalExchanger) -> Upstream:
    return worker.complete_revocation(CONTEXT, shard=1, token_key=KEY)


def raising(error: BaseException) -> Any:
    def act(_: str) -> None:
        raise error

    return act


def what_varies(error: MmtError) -> tuple[Any, ...]:
    violations = tuple(error.violations) if isinstance(error, InvalidRequestError) else ()
    return error.reason, dict(error.metadata), error.retry_after, violations


@pytest.mark.parametrize("error", AS_THEY_ARE, ids=lambda sample: type(sample).__name__)
def test_an_error_comes_back_as_it_was_raised(error: MmtError) -> None:
    with wired() as parts:
        parts.exchanger.act = raising(error)
        with pytest.raises(MmtError) as caught:
            complete(parts.worker)
    assert what_varies(caught.value) == what_varies(error)


def test_a_bug_of_the_exchanger_tells_its_worker_nothing() -> None:
    with wired() as parts:
        parts.exchanger.act = raising(RuntimeError("refresh_token=CANARY"))
        with pytest.raises(ExchangerFailedError) as caught:
            complete(parts.worker)
        assert "CANARY" not in f"{caught.value!r} {caught.value.__cause__!r} {parts.log.events}"
        [(event, fields)] = parts.log.events
        assert (event, fields["method"], fields["error"]) == ("call_failed", "CompleteRevocation", "RuntimeError")


def test_it_is_a_failure_of_the_server_and_nothing_that_passes_for_an_outage_to_a_caller() -> None:
    def fail(_: object, __: grpc.ServicerContext) -> None:
        raise ExchangerFailedError

    told: list[Any] = []

    class Context:
        def set_trailing_metadata(self, metadata: object) -> None:
            told.append(metadata)

        def abort(self, code: grpc.StatusCode, sentence: str) -> None:
            told.append((code, sentence))

    log, context = RecordingLog(), Context()
    sanitised("Connect", fail, log=log)(None, cast("grpc.ServicerContext", context))

    assert told == [(grpc.StatusCode.INTERNAL, "The server failed to answer.")]
    assert [event for event, _ in log.events] == ["call_failed"]


def test_whoever_has_something_alive_is_served_it_as_if_the_exchanger_were_away() -> None:
    assert isinstance(ExchangerFailedError(), ProviderUnavailableError)


@pytest.mark.parametrize("secret", ["other", "s3cret-of-this-star", "s3cret-of-this-start2", ""])
def test_a_worker_with_another_secret_is_not_served(secret: str) -> None:
    with wired(secret=Secret(secret)) as parts:
        with pytest.raises(ProviderUnavailableError):
            complete(parts.worker)
        assert parts.exchanger.calls == []


def raw_call(parts: Wired, metadata: tuple[tuple[str, str | bytes], ...]) -> grpc.StatusCode:
    credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    with grpc.secure_channel(f"unix:{parts.socket_path}", credentials) as channel:
        method: Any = channel.unary_unary("/mmt.internal.v1.ExchangerService/CompleteRevocation")
        try:
            method(b"", metadata=metadata)
        except grpc.RpcError as error:
            call: Any = error
            code: grpc.StatusCode = call.code()
            return code
    return grpc.StatusCode.OK


def test_the_secret_has_to_be_there_once() -> None:
    good = ("mmt-peer-secret", SECRET.reveal())
    with wired() as parts:
        assert raw_call(parts, ()) is grpc.StatusCode.UNAUTHENTICATED
        assert raw_call(parts, (good, good)) is grpc.StatusCode.UNAUTHENTICATED
        assert raw_call(parts, (("mmt-peer-secret-bin", SECRET.reveal().encode()),)) is grpc.StatusCode.UNAUTHENTICATED
        assert parts.exchanger.calls == []
        assert raw_call(parts, (good,)) is grpc.StatusCode.OK


def test_an_exchanger_without_a_secret_serves_nobody() -> None:
    with wired() as parts:
        parts.server.stop(0)
        server = ExchangerServer(
            exchanger=parts.exchanger, socket_path=parts.socket_path, secret=Secret(""), log=parts.log
        )
        server.start()
        parts.server = server
        assert raw_call(parts, (("mmt-peer-secret", ""),)) is grpc.StatusCode.UNAUTHENTICATED


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


def test_a_failure_that_is_no_call_is_unavailability() -> None:
    assert isinstance(error_of(grpc.RpcError()), ProviderUnavailableError)


class Failure(grpc.RpcError, grpc.Call):
    def __init__(self, details: bytes | str) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return ""

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._details),)


# A call has many more methods, none of which is asked here.
Failure.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(
    "details",
    [b"", b"\xff\xff", "text", details_of(SAMPLES[0])[:-5], details_of(SAMPLES[0]).replace(b"INVALID_", b"UNHEARD_")],
)
def test_details_that_cannot_be_read_are_unavailability(details: bytes | str) -> None:
    failure: Any = Failure
    assert isinstance(error_of(failure(details)), ProviderUnavailableError)


def test_an_answer_of_another_version_is_unavailability() -> None:
    with wired() as parts, pytest.raises(ProviderUnavailableError):
        parts.worker._call(
            parts.worker._stub.CompleteRevocation, pb.CompleteRevocationRequest(), PATIENCE, lambda _: Upstream(99)
        )


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
