"""Retries of rows in doubt: who may lease one, and when."""

import contextlib
import multiprocessing
from dataclasses import replace

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.store import open_store
from tests.store.backends import Backend, Database
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    MINUTE,
    OTHER_OWNER,
    OWNER,
    SEEN_FOR,
    THIRD_OWNER,
    Tokens,
    attempt,
    beat,
    connect,
    connection,
    current,
    lease,
)
from tests.store.test_races import RACERS, race

SECOND = MICROSECONDS


def test_a_retry_leases_a_row_in_doubt(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens)
    second = attempt()

    leased_at = tokens.lease_doubt(row, attempt_id=second, owner=OTHER_OWNER, lease_for=MINUTE, tolerant=True)

    assert leased_at is not None
    assert current(tokens, row) == replace(
        row,
        state=TokenState.REFRESHING,
        version=row.version + 1,
        attempt_id=second,
        lease_owner=OTHER_OWNER,
        lease_until=leased_at + MINUTE,
    )
    assert (row.doubt, row.doubt_owner) == (first, OWNER)


def test_a_retry_shows_its_owner_alive(backend: Backend) -> None:
    backend.replicas.beat(beat(owner=OTHER_OWNER))
    row, _ = in_doubt(backend.tokens)
    backend.clock.shift = MINUTE

    leased_at = retry_of(backend.tokens, row)

    assert [replica.seen_at for replica in backend.replicas.list()] == [leased_at]


def test_the_lease_of_a_row_that_is_not_in_doubt_is_no_retry(tokens: Tokens) -> None:
    row = connect(tokens)
    assert retry_of(tokens, row) is None

    lease(tokens, row)
    assert retry_of(tokens, current(tokens, row)) is None


def test_a_row_in_doubt_is_not_leased_as_if_it_were_active(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)

    assert tokens.lease(row, attempt_id=attempt(), owner=OTHER_OWNER, lease_for=MINUTE) is None


def test_a_row_in_doubt_that_changed_since_it_was_read_is_not_retried(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)
    assert tokens.clear_owner(row, owner=OWNER)

    assert retry_of(tokens, row) is None
    assert retry_of(tokens, current(tokens, row)) is not None


def test_a_retry_waits_for_its_time(backend: Backend) -> None:
    row, _ = in_doubt(backend.tokens, wait=MINUTE)

    assert retry_of(backend.tokens, row) is None

    backend.clock.shift = MINUTE
    assert retry_of(backend.tokens, row) is not None


def test_each_unknown_outcome_allows_one_retry(backend: Backend) -> None:
    tokens = backend.tokens
    row, _ = in_doubt(tokens)
    second = attempt()
    assert retry_of(tokens, row, attempt_id=second) is not None
    assert retry_of(tokens, current(tokens, row), owner=THIRD_OWNER) is None

    assert tokens.doubt(row, attempt_id=second, not_before=tokens.now() + MINUTE)

    assert retry_of(tokens, current(tokens, row), owner=THIRD_OWNER) is None
    backend.clock.shift = MINUTE
    assert retry_of(tokens, current(tokens, row), owner=THIRD_OWNER) is not None


def test_a_third_owner_is_named_beside_the_first_doubt(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens)
    second = attempt()
    assert retry_of(tokens, row, attempt_id=second) is not None
    assert tokens.doubt(row, attempt_id=second, not_before=0)

    assert retry_of(tokens, current(tokens, row), owner=THIRD_OWNER) is not None

    retried = current(tokens, row)
    assert (retried.doubt, retried.doubt_owner, retried.lease_owner) == (first, OWNER, THIRD_OWNER)


@pytest.mark.parametrize("seen", [OWNER, OTHER_OWNER])
def test_nobody_retries_while_an_owner_that_is_named_was_seen_lately(backend: Backend, seen: bytes) -> None:
    tokens = backend.tokens
    row, _ = in_doubt(tokens)
    second = attempt()
    assert retry_of(tokens, row, attempt_id=second) is not None
    assert tokens.doubt(row, attempt_id=second, not_before=0)
    row = current(tokens, row)
    assert (row.doubt_owner, row.lease_owner) == (OWNER, OTHER_OWNER)
    backend.replicas.beat(beat(owner=seen))

    backend.clock.shift = SEEN_FOR - 30 * SECOND
    assert retry_of(tokens, row, owner=THIRD_OWNER) is None

    backend.clock.shift = SEEN_FOR
    assert retry_of(tokens, row, owner=THIRD_OWNER) is not None


def test_an_owner_that_is_seen_but_not_named_is_not_waited_for(backend: Backend) -> None:
    row, _ = in_doubt(backend.tokens)
    backend.replicas.beat(beat(owner=OTHER_OWNER))
    backend.replicas.beat(beat(owner=THIRD_OWNER))

    assert retry_of(backend.tokens, row) is not None


def test_an_owner_that_was_forgotten_is_not_waited_for(backend: Backend) -> None:
    row, _ = in_doubt(backend.tokens)
    backend.replicas.beat(beat(owner=OWNER))
    assert retry_of(backend.tokens, row) is None

    backend.replicas.forget(OWNER)

    assert retry_of(backend.tokens, row) is not None


def test_an_owner_that_has_cleared_its_name_is_not_waited_for(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens)
    backend.replicas.beat(beat(owner=OWNER))

    assert tokens.clear_owner(row, owner=OWNER)

    cleared = current(tokens, row)
    assert cleared == replace(row, doubt_owner=None, version=row.version + 1)
    assert cleared.doubt == first
    assert retry_of(tokens, cleared, owner=OWNER) is not None


def test_a_strict_provider_is_asked_again_only_at_the_end_of_the_token(backend: Backend) -> None:
    tokens = backend.tokens
    made = replace(connection(), access_expires_at=tokens.now() + 30 * MINUTE)
    row, _ = in_doubt(tokens, made)

    backend.clock.shift = 27 * MINUTE
    assert retry_of(tokens, row, tolerant=False) is None

    backend.clock.shift = 28 * MINUTE
    assert retry_of(tokens, row, tolerant=False) is not None


def test_a_token_that_never_expires_is_never_risked_at_a_strict_provider(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens, replace(connection(), access_expires_at=None))

    assert retry_of(tokens, row, tolerant=False) is None
    assert retry_of(tokens, row, tolerant=True) is not None


def test_of_many_threads_one_retries_a_row(backend: Backend) -> None:
    row, _ = in_doubt(backend.tokens)

    outcomes = race(*[lambda: retry_of(backend.tokens, row) for _ in range(RACERS)])

    assert sum(outcome is not None for outcome in outcomes) == 1
    assert current(backend.tokens, row).version == row.version + 1


def retry_from_another_process(url: str, shard: int, token_key: bytes, owner: bytes) -> bool:
    with contextlib.closing(open_store(url)) as store:
        row = store.tokens.read(shard, token_key).row
        assert row is not None
        leased = store.tokens.lease_doubt(row, attempt_id=owner, owner=owner, lease_for=MINUTE, tolerant=True)
        return leased is not None


def test_of_two_replicas_one_retries_a_row(opened: Database) -> None:
    rows = [in_doubt(opened.backend().tokens)[0] for _ in range(3)]

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for row in rows:
            arguments = [(opened.url, row.shard, row.binding.token_key, owner) for owner in (b"a" * 16, b"b" * 16)]
            assert sorted(pool.starmap(retry_from_another_process, arguments, chunksize=1)) == [False, True]
