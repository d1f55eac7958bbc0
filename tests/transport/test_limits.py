"""How many calls are served at once, what the rest are told, and that Revoke and health get through all the same."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import OverloadedError
from mmt_grpc.transport.admission import Places, take_place
from mmt_grpc.transport.options import ServerOptions
from tests.transport.served import Client, Served, refusal_of, serving
from tests.transport.stand_ins import GOOD, TOKEN_ID

RESOLVE = pb.ResolveRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_READ)
REVOKE = pb.RevokeRequest(token_id=TOKEN_ID)
SERVED_AT_ONCE = 128
REVOKE_SLOTS = 16
PATIENCE = 60


class Held:
    """Calls that have reached their verb and stay there until they are let go."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._let_go = threading.Event()

    def act(self, _: str) -> None:
        self._arrived.release()
        assert self._let_go.wait(PATIENCE)

    def wait_for(self, calls: int) -> None:
        for _ in range(calls):
            assert self._arrived.acquire(timeout=PATIENCE)

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
def held(served: Served) -> Iterator[Held]:
    held = Held()
    served.verbs.act = held.act
    yield held
    held.let_go()


@contextlib.contextmanager
def full(client: Client, held: Held) -> Iterator[list[Any]]:
    calls: list[Any] = [client.tokens.Resolve.future(RESOLVE, metadata=GOOD) for _ in range(SERVED_AT_ONCE)]
    held.wait_for(SERVED_AT_ONCE)
    yield calls
    held.let_go()
    assert [call.result(timeout=PATIENCE).generation for call in calls] == [7] * len(calls)


def test_128_calls_are_served_at_once_and_the_next_is_refused(served: Served, client: Client, held: Held) -> None:
    with full(client, held):
        with pytest.raises(grpc.RpcError) as caught:
            client.tokens.Resolve(RESOLVE, metadata=GOOD)
        refusal = refusal_of(caught.value)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert refusal.retry is not None
        assert refusal.retry.retry_delay.seconds == 1
        assert len(served.verbs.calls) == SERVED_AT_ONCE
    assert ("Resolve", "RESOURCE_EXHAUSTED", "OVERLOADED") in served.metrics.observed


def test_revoke_has_places_of_its_own_and_they_are_counted_too(client: Client, held: Held) -> None:
    with full(client, held):
        revokes: list[Any] = [client.tokens.Revoke.future(REVOKE, metadata=GOOD) for _ in range(REVOKE_SLOTS)]
        held.wait_for(REVOKE_SLOTS)
        with pytest.raises(grpc.RpcError) as caught:
            client.tokens.Revoke(REVOKE, metadata=GOOD)
        assert refusal_of(caught.value).reason == "OVERLOADED"
        held.let_go()
        assert all(call.result(timeout=PATIENCE).upstream for call in revokes)


def test_health_is_answered_by_a_server_that_is_full(client: Client, held: Held) -> None:
    with full(client, held):
        assert client.health() == "SERVING"


def test_places_are_given_back_however_a_call_ends(served: Served) -> None:
    options = ServerOptions(listen="127.0.0.1:0", allow_plaintext=True, max_calls=1, revoke_slots=0, spare_threads=2)

    def act(_: str) -> None:
        raise ZeroDivisionError

    with serving(served, options) as client:
        served.verbs.act = act
        for _ in range(5):
            with pytest.raises(grpc.RpcError) as caught:
                client.tokens.Resolve(RESOLVE, metadata=GOOD)
            assert refusal_of(caught.value).code is grpc.StatusCode.INTERNAL
        served.verbs.act = None
        assert client.tokens.Resolve(RESOLVE, metadata=GOOD).generation == 7


def test_a_place_is_taken_in_the_first_room_that_has_one() -> None:
    first, second = Places(1), Places(1)
    assert take_place((first, second)) is first
    assert take_place((first, second)) is second
    with pytest.raises(OverloadedError):
        take_place((first, second))
    second.give_back()
    assert take_place((first, second)) is second
