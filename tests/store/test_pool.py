"""The pool: few connections, bounded waits, nothing asked that needs no asking."""

import threading

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store.pool import SessionPool
from mmt_grpc.store.session import Session
from tests.store.scripted import Scripted


def test_a_call_waits_for_a_connection_only_so_long() -> None:
    session = Scripted({})
    pool = SessionPool(connect=lambda: session, size=1, wait=0.01)
    taken = pool.take()

    with pytest.raises(StoreUnavailableError):
        pool.take()

    pool.give_back(taken)
    assert pool.take() is session


def test_a_waiting_call_gets_the_connection_that_comes_back() -> None:
    session = Scripted({})
    pool = SessionPool(connect=lambda: session, size=1, wait=30.0)
    taken = pool.take()
    got: list[Session] = []
    waiting = threading.Thread(target=lambda: got.append(pool.take()))
    waiting.start()

    pool.give_back(taken)
    waiting.join()

    assert got == [session]


def test_a_pool_opens_no_more_connections_than_it_may() -> None:
    made: list[Session] = []

    def make() -> Session:
        made.append(Scripted({}))
        return made[-1]

    pool = SessionPool(connect=make, size=2, wait=0.0)
    for _ in range(5):
        first, second = pool.take(), pool.take()
        pool.give_back(first)
        pool.give_back(second)

    assert len(made) == 2


def test_a_connection_that_was_idle_for_long_is_asked_first() -> None:
    now = [0.0]
    dead, fresh = Scripted({}), Scripted({})
    dead.is_alive = lambda: False  # type: ignore[method-assign]  # a connection that a firewall dropped
    sessions = iter([dead, fresh])
    pool = SessionPool(connect=lambda: next(sessions), size=1, wait=0.0, elapsed=lambda: now[0])
    pool.give_back(pool.take())
    assert pool.take() is dead
    pool.give_back(dead)

    now[0] = 3600.0

    assert pool.take() is fresh
    assert dead.ran == ["close"]


def test_a_connection_that_cannot_be_opened_leaves_its_place_free() -> None:
    def refuse() -> Session:
        raise ConnectionRefusedError

    pool = SessionPool(connect=refuse, size=1, wait=0.0)

    for _ in range(2):
        with pytest.raises(StoreUnavailableError) as refused:
            pool.take()
        assert refused.value.__suppress_context__


def test_a_closed_pool_gives_nothing_and_closes_what_comes_back() -> None:
    session = Scripted({})
    pool = SessionPool(connect=lambda: session, size=1, wait=0.0)
    taken = pool.take()
    pool.close()

    pool.give_back(taken)

    assert session.ran == ["close"]
    with pytest.raises(StoreUnavailableError):
        pool.take()
