"""Two at once: exactly one wins, and the other learns it."""

import contextlib
import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.store import open_store
from tests.store.backends import Backend, Database
from tests.store.material import (
    MINUTE,
    OWNER,
    attempt,
    connect,
    connection,
    current,
    key,
    lease,
    reconnect,
    refreshed,
    request,
)

RACERS = 8


def race(*runs: Callable[[], object]) -> Sequence[object]:
    """Run all at once and return what each returned or raised."""
    barrier = threading.Barrier(len(runs))

    def start(run: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return run()
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(start, runs))


def test_of_many_threads_one_leases_a_row(backend: Backend) -> None:
    row = connect(backend.tokens)

    outcomes = race(
        *[lambda: backend.tokens.lease(row, attempt_id=attempt(), owner=OWNER, lease_for=MINUTE) for _ in range(RACERS)]
    )

    assert sum(outcome is not None for outcome in outcomes) == 1
    assert current(backend.tokens, row).version == row.version + 1


def test_of_many_connects_one_creates_an_identity(backend: Backend) -> None:
    tokens = backend.tokens
    identity_key = key()
    asked = [request() for _ in range(RACERS)]
    for one in asked:
        tokens.begin(one)

    outcomes = race(*[lambda one=one: tokens.create(connection(identity_key=identity_key), one) for one in asked])

    assert sum(outcome is True for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == RACERS - 1
    assert sum(kind == "connected" for kind, _, _ in backend.events()) == 1
    states = [recorded.state for one in asked if (recorded := tokens.read_request(one.request_key))]
    assert sorted(states) == ["DONE"] + ["PENDING"] * (RACERS - 1)


def test_of_many_calls_one_begins_a_request(backend: Backend) -> None:
    asked = request()

    outcomes = race(*[lambda: backend.tokens.begin(asked) for _ in range(RACERS)])

    assert sum(outcome is None for outcome in outcomes) == 1


def test_a_refresh_and_a_revocation_end_with_the_row_gone(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    def revoke() -> None:
        while (found := tokens.read(row.shard, row.binding.token_key).row) is not None:
            tokens.delete(found)

    race(revoke, lambda: tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed()))

    assert tokens.read(row.shard, row.binding.token_key).row is None


def test_no_acknowledged_change_of_one_row_is_lost(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)

    def refresh_often() -> int:
        done = 0
        while done < 10:
            found = current(tokens, row)
            attempt_id = attempt()
            if tokens.lease(found, attempt_id=attempt_id, owner=OWNER, lease_for=MINUTE) is None:
                continue
            assert tokens.commit_refresh(found, attempt_id=attempt_id, refreshed=refreshed())
            done += 1
        return done

    race(refresh_often, refresh_often, refresh_often)

    final = current(tokens, row)
    assert (final.binding.generation, final.version) == (31, 61)
    reconnect(tokens, final)


def lease_from_another_process(url: str, shard: int, token_key: bytes, owner: bytes) -> bool:
    with contextlib.closing(open_store(url)) as store:
        row = store.tokens.read(shard, token_key).row
        assert row is not None
        return store.tokens.lease(row, attempt_id=owner, owner=owner, lease_for=MINUTE) is not None


def test_of_two_processes_one_leases_a_row(opened: Database) -> None:
    rows = [connect(opened.backend().tokens) for _ in range(5)]

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for row in rows:
            arguments = [(opened.url, row.shard, row.binding.token_key, owner) for owner in (b"a" * 16, b"b" * 16)]
            assert sorted(pool.starmap(lease_from_another_process, arguments, chunksize=1)) == [False, True]


def test_confusable_identities_never_meet(opened: Database) -> None:
    """Keys that differ in a letter's case, an accent, or a trailing blank or zero, as text would fold them."""
    tokens = opened.backend().tokens
    stem = b"alice-" + b"." * 22
    variants = [stem + tail for tail in (b"aaaa", b"AAAA", b"aaa ", b"aaa\x00", b"\xc3\xa1aa", b"\xc3\x81aa", b"    ")]

    for identity_key in variants:
        connect(tokens, connection(identity_key=identity_key, token_key=identity_key))

    for identity_key in variants:
        found = tokens.read_identity(5, identity_key).row
        assert found is not None
        assert found.binding.token_key == identity_key
