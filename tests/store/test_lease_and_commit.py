"""A lease and the commit of what it brought."""

from dataclasses import replace

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.doubting import retry, unknown_outcome
from tests.store.material import (
    MINUTE,
    OTHER_OWNER,
    OWNER,
    Tokens,
    attempt,
    beat,
    connect,
    current,
    lease,
    reconnect,
    refreshed,
)


def test_a_lease_takes_an_active_row(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = attempt()
    before = tokens.now()

    leased_at = tokens.lease(row, attempt_id=attempt_id, owner=OWNER, lease_for=MINUTE)

    assert leased_at is not None
    assert before <= leased_at <= tokens.now()
    leased = current(tokens, row)
    assert leased == replace(
        row,
        state=TokenState.REFRESHING,
        version=2,
        attempt_id=attempt_id,
        lease_owner=OWNER,
        lease_until=leased_at + MINUTE,
    )
    assert tokens.named(OWNER) == [leased]
    assert tokens.named(OTHER_OWNER) == []


def test_a_row_is_leased_once(tokens: Tokens) -> None:
    row = connect(tokens)
    lease(tokens, row)

    assert tokens.lease(row, attempt_id=attempt(), owner=OTHER_OWNER, lease_for=MINUTE) is None
    assert tokens.lease(current(tokens, row), attempt_id=attempt(), owner=OTHER_OWNER, lease_for=MINUTE) is None
    assert current(tokens, row).lease_owner == OWNER


def test_a_row_that_changed_since_it_was_read_is_not_leased(tokens: Tokens) -> None:
    row = connect(tokens)
    reconnect(tokens, row)

    assert tokens.lease(row, attempt_id=attempt(), owner=OWNER, lease_for=MINUTE) is None


def test_a_lease_shows_its_owner_alive(backend: Backend) -> None:
    backend.replicas.beat(beat())
    row = connect(backend.tokens)
    backend.clock.shift = MINUTE

    leased_at = backend.tokens.lease(row, attempt_id=attempt(), owner=OWNER, lease_for=MINUTE)

    assert [replica.seen_at for replica in backend.replicas.list()] == [leased_at]


def test_a_refresh_is_committed(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)
    brought = refreshed()

    assert tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=brought)

    committed = current(tokens, row)
    assert committed.refreshed_at is not None
    assert committed == replace(
        row,
        binding=replace(row.binding, generation=2),
        version=3,
        refreshed_at=committed.refreshed_at,
        access_expires_at=brought.access_expires_at,
        renewal_expires_at=brought.renewal_expires_at,
        next_refresh_at=brought.next_refresh_at,
        sealed=replace(row.sealed, access_blob=brought.access_blob, renewal_blob=brought.renewal_blob),
    )
    assert backend.events()[-1] == ("refreshed", row.binding.token_key, 2)


def test_an_answer_brings_a_row_that_was_set_back_to_its_own_generation(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)

    assert tokens.commit_refresh(row, attempt_id=attempt(), refreshed=replace(refreshed(), steps=3))

    assert current(tokens, row).binding.generation == 4
    assert backend.events()[-1] == ("refreshed", row.binding.token_key, 4)


def test_a_refresh_is_committed_once(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    assert tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())
    assert not tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())


def test_a_refresh_never_brings_a_deleted_row_back(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)
    tokens.delete(current(tokens, row))

    assert not tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())
    assert not tokens.release(row, attempt_id=attempt_id, not_before=0, never_sent=True)
    assert not tokens.doubt(row, attempt_id=attempt_id, not_before=0)
    assert not tokens.condemn(row, attempt_id=attempt_id)
    assert tokens.read(row.shard, row.binding.token_key).row is None
    assert backend.events()[-1][0] == "revoked"


def test_an_answer_is_committed_although_its_lease_is_over(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = unknown_outcome(tokens, row)

    assert tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())

    committed = current(tokens, row)
    assert committed.state is TokenState.ACTIVE
    assert (committed.doubt, committed.doubt_owner, committed.attempt_id, committed.lease_owner) == (None,) * 4
    assert (committed.not_before, committed.failures) == (None, 0)


def test_an_answer_waits_while_another_attempt_runs(tokens: Tokens) -> None:
    row = connect(tokens)
    lease(tokens, row)

    assert not tokens.commit_refresh(row, attempt_id=attempt(), refreshed=refreshed())
    assert current(tokens, row).state is TokenState.REFRESHING


def test_an_answer_for_an_older_generation_is_not_committed(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = lease(tokens, row)
    replaced = reconnect(tokens, row)

    assert not tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())
    assert current(tokens, row) == replaced


def test_an_answer_turns_up_for_a_condemned_row(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    first = unknown_outcome(tokens, row)
    retried, second = retry(backend, row, owner=OTHER_OWNER)
    assert tokens.condemn(retried, attempt_id=second)
    assert current(tokens, row).reason is Cause.ROTATION_LOST

    assert tokens.commit_refresh(row, attempt_id=first, refreshed=refreshed())

    assert (current(tokens, row).state, current(tokens, row).reason) == (TokenState.ACTIVE, None)
