"""The transitions of a refresh and their guards."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.store.backends import Backend
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


def unknown_outcome(tokens: Tokens, row: TokenRow) -> bytes:
    """Bring a row IN_DOUBT and return the attempt that did."""
    attempt_id = lease(tokens, row)
    assert tokens.doubt(row, attempt_id=attempt_id, not_before=7)
    return attempt_id


def retry(backend: Backend, row: TokenRow, *, owner: bytes) -> tuple[TokenRow, bytes]:
    """Bring an IN_DOUBT row into its retry by another owner, as a lease from IN_DOUBT leaves it."""
    in_doubt = current(backend.tokens, row)
    attempt_id = attempt()
    backend.plant(
        in_doubt,
        state=TokenState.REFRESHING,
        attempt_id=attempt_id,
        lease_owner=owner,
        lease_until=1,
    )
    return current(backend.tokens, row), attempt_id


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
    assert tokens.running_attempts(OWNER) == [leased]
    assert tokens.running_attempts(OTHER_OWNER) == []


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


@pytest.mark.parametrize("never_sent", [True, False])
def test_a_released_row_is_active_again_and_backs_off(backend: Backend, *, never_sent: bool) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    assert tokens.release(row, attempt_id=attempt_id, not_before=123, never_sent=never_sent)

    assert current(tokens, row) == replace(row, version=3, not_before=123, failures=1)
    assert [kind for kind, _, _ in backend.events()] == ["connected"]


def test_a_released_retry_is_in_doubt_again(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    first = unknown_outcome(tokens, row)
    retried, second = retry(backend, row, owner=OTHER_OWNER)

    assert tokens.release(retried, attempt_id=second, not_before=9, never_sent=True)

    released = current(tokens, row)
    assert (released.state, released.doubt, released.doubt_owner) == (TokenState.IN_DOUBT, first, OWNER)
    assert (released.attempt_id, released.lease_owner, released.not_before) == (None, None, 9)


def test_a_doubted_attempt_that_was_never_sent_leaves_no_doubt(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = unknown_outcome(tokens, row)

    assert tokens.release(row, attempt_id=attempt_id, not_before=9, never_sent=True)

    released = current(tokens, row)
    assert (released.state, released.doubt, released.doubt_owner) == (TokenState.ACTIVE, None, None)


def test_a_doubted_attempt_that_was_sent_stays_in_doubt(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = unknown_outcome(tokens, row)

    assert tokens.release(row, attempt_id=attempt_id, not_before=9, never_sent=False)

    assert (current(tokens, row).state, current(tokens, row).doubt) == (TokenState.IN_DOUBT, attempt_id)


def test_another_attempt_releases_doubts_and_condemns_nothing(tokens: Tokens) -> None:
    row = connect(tokens)
    lease(tokens, row)
    leased = current(tokens, row)

    assert not tokens.release(row, attempt_id=attempt(), not_before=0, never_sent=True)
    assert not tokens.doubt(row, attempt_id=attempt(), not_before=0)
    assert not tokens.condemn(row, attempt_id=attempt())
    assert current(tokens, row) == leased


def test_doubt_names_the_attempt_and_its_owner(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    assert tokens.doubt(row, attempt_id=attempt_id, not_before=77)

    assert current(tokens, row) == replace(
        row,
        state=TokenState.IN_DOUBT,
        version=3,
        attempt_id=attempt_id,
        doubt=attempt_id,
        doubt_owner=OWNER,
        not_before=77,
        failures=1,
    )
    assert backend.events()[-1] == ("doubted", row.binding.token_key, 1)
    assert tokens.running_attempts(OWNER) == []


def test_a_second_doubt_keeps_the_first_and_both_owners(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    first = unknown_outcome(tokens, row)
    retried, second = retry(backend, row, owner=OTHER_OWNER)

    assert tokens.doubt(retried, attempt_id=second, not_before=78)

    doubted = current(tokens, row)
    assert (doubted.doubt, doubted.doubt_owner, doubted.lease_owner) == (first, OWNER, OTHER_OWNER)
    assert (doubted.attempt_id, doubted.lease_until) == (second, None)


def test_a_row_is_doubted_once_an_attempt(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = unknown_outcome(tokens, row)

    assert not tokens.doubt(row, attempt_id=attempt_id, not_before=0)


def test_a_refused_refresh_token_condemns_the_row(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    assert tokens.condemn(row, attempt_id=attempt_id)

    condemned = current(tokens, row)
    assert condemned == replace(
        row,
        state=TokenState.REAUTHENTICATION,
        reason=Cause.PROVIDER_REVOKED,
        version=3,
        next_refresh_at=None,
    )
    access = tokens.read_access(row.shard, row.binding.token_key).row
    assert access is not None
    assert access.reason is Cause.PROVIDER_REVOKED
    assert backend.events()[-1] == ("condemned", row.binding.token_key, 1)
    assert not tokens.condemn(row, attempt_id=attempt_id)


def test_a_late_refusal_of_the_doubted_attempt_itself_is_no_lost_rotation(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = unknown_outcome(tokens, row)

    assert tokens.condemn(row, attempt_id=attempt_id)
    assert current(tokens, row).reason is Cause.PROVIDER_REVOKED


def test_a_refusal_of_another_generation_condemns_nothing(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = lease(tokens, row)
    newer = replace(row, binding=replace(row.binding, generation=2))

    assert not tokens.condemn(newer, attempt_id=attempt_id)


def test_a_connect_ends_every_doubt(tokens: Tokens) -> None:
    row = connect(tokens)
    unknown_outcome(tokens, row)

    replaced = reconnect(tokens, current(tokens, row))

    assert replaced.state is TokenState.ACTIVE
    assert (replaced.doubt, replaced.doubt_owner, replaced.attempt_id, replaced.failures) == (None, None, None, 0)
