"""Who sends headers and no body holds nothing up: strangers are refused at once, known callers cancelled when late."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.transport.bodies import PATIENCE, Bodies
from mmt_grpc.transport.options import ServerOptions
from tests.transport import raw_http2
from tests.transport.served import Client, Served, refusal_of, serving
from tests.transport.stand_ins import GOOD, TOKEN_ID, BootClock, SetClock

REVOKE = pb.RevokeRequest(token_id=TOKEN_ID).SerializeToString()
FEW_THREADS = ServerOptions(listen="127.0.0.1:0", allow_plaintext=True, max_calls=2, revoke_slots=1, spare_threads=1)


def test_strangers_are_refused_before_their_bodies_come(served: Served) -> None:
    block = raw_http2.head(b"/mmt.v1.TokenService/Resolve", [(b"authorization", b"Bearer other")])
    with serving(served, FEW_THREADS) as client:
        assert raw_http2.headers_alone(client.port, block, 90) == 90
    assert set(served.metrics.observed) <= {
        ("Resolve", "UNAUTHENTICATED", "CALLER_UNAUTHENTICATED"),
        ("Resolve", "RESOURCE_EXHAUSTED", "OVERLOADED"),
    }


def test_known_callers_are_cancelled_when_their_bodies_do_not_come(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmt_grpc.transport.bodies.PATIENCE", 0)
    block = raw_http2.head(b"/mmt.v1.TokenService/Resolve", [(b"authorization", b"Bearer good")])
    with serving(served, FEW_THREADS) as client:
        assert raw_http2.headers_alone(client.port, block, 2) == 2
    assert served.log.events == []
    assert served.verbs.calls == []


def test_health_checks_without_a_body_are_cancelled_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmt_grpc.transport.bodies.PATIENCE", 0)
    path = b"/grpc.health.v1.Health/Check"
    with serving(served) as client:
        assert raw_http2.headers_alone(client.port, raw_http2.head(path, []), 8) == 8
        monkeypatch.undo()
        assert client.health() == "SERVING"


def streamed(client: Client, method: str, *messages: bytes) -> bytes:
    call: Any = client.channel.stream_unary(method)
    answer: bytes = call(iter(messages), metadata=GOOD)
    return answer


def test_no_message_at_all_is_a_malformed_request(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        streamed(client, "/mmt.v1.TokenService/Revoke")
    refusal = refusal_of(caught.value)
    assert (refusal.reason, list(refusal.violations)) == ("INVALID_REQUEST", ["request"])


def test_only_the_first_message_counts(served: Served, client: Client) -> None:
    assert pb.RevokeResponse.FromString(streamed(client, "/mmt.v1.TokenService/Revoke", REVOKE, b"\xff")).upstream
    assert len(served.verbs.calls) == 1


@pytest.mark.parametrize("messages", [(), (b"\xff\xff",), (b"\x0a\xff",)])
def test_a_malformed_health_check_is_told_so(client: Client, messages: tuple[bytes, ...]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        streamed(client, "/grpc.health.v1.Health/Check", *messages)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.message) == (grpc.StatusCode.INVALID_ARGUMENT, "The request is malformed.")


class Context:
    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


class Never(Iterator[bytes]):
    """A body that does not come before its call is cancelled."""

    def __init__(self, context: Context, waiting: threading.Event) -> None:
        self._context = context
        self._waiting = waiting

    def __next__(self) -> bytes:
        self._waiting.set()
        assert self._context.cancelled.wait(60)
        raise grpc.RpcError


def test_a_body_may_take_its_time_but_not_longer() -> None:
    clock, waiting = SetClock(), threading.Event()
    bodies, context = Bodies(clock=clock), Context()
    any_context: Any = context
    with ThreadPoolExecutor(1) as elsewhere:
        taken = elsewhere.submit(bodies.take, Never(context, waiting), any_context)
        assert waiting.wait(60)
        clock.now = PATIENCE - 1
        bodies.cancel_the_late()
        assert not context.cancelled.is_set()
        clock.now = PATIENCE
        bodies.cancel_the_late()
        assert isinstance(taken.exception(timeout=60), DeadlineError)


def test_a_body_that_came_is_not_waited_for_any_more() -> None:
    clock, context = SetClock(), Context()
    bodies = Bodies(clock=clock)
    any_context: Any = context
    assert bodies.take(iter([b"body"]), any_context) == b"body"
    with pytest.raises(InvalidRequestError):
        bodies.take(iter([]), any_context)
    clock.now = 10 * PATIENCE
    bodies.cancel_the_late()
    assert not context.cancelled.is_set()


def test_a_watch_that_was_never_begun_is_closed_all_the_same() -> None:
    bodies = Bodies(clock=BootClock())

    bodies.close()

    assert not bodies._watch.is_alive()
    # Begun later than it was closed, it has nothing to do either.
    bodies.start()
    bodies._watch.join(60)
    assert not bodies._watch.is_alive()
