"""A refresh that brought nothing: released, in doubt, or refused."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.doubting import retry, unknown_outcome
from tests.store.material import (
    OTHER_OWNER,
    OWNER,
    Tokens,
    attempt,
    connect,
    current,
    lease,
    reconnect,
)


@pytest.mark.parametrize("never_sent", [True, False])
def test_a_released_row_is_active_again_and_backs_off(backend: Backend, *, never_sent: bool) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    assert tokens.release(row, attempt_id=attempt_id, not_before=123, never_sent=never_sent)

    released = current(tokens, row)
    assert released == replace(row, version=3, not_before=123, failures=1, failed_at=released.failed_at)
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

    doubted = current(tokens, row)
    assert doubted == replace(
        row,
        state=TokenState.IN_DOUBT,
        version=3,
        attempt_id=attempt_id,
        doubt=attempt_id,
        doubt_owner=OWNER,
        not_before=77,
        next_refresh_at=77,
        failures=1,
        failed_at=doubted.failed_at,
    )
    assert backend.events()[-1] == ("doubted", row.binding.token_key, 1)


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
        failed_at=condemned.failed_at,
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
