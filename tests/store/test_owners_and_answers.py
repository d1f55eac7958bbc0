"""An answer that turns up for a row in doubt, and the replicas that a row names."""

from dataclasses import replace

from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    OTHER_OWNER,
    OWNER,
    THIRD_OWNER,
    Tokens,
    attempt,
    connect,
    current,
    lease,
    reconnect,
    refreshed,
)


def test_an_answer_of_the_rows_own_attempt_is_committed(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens, failure="ambiguous")
    brought = refreshed()

    assert tokens.commit_answer(row, attempt_id=first, refreshed=brought)

    committed = current(tokens, row)
    assert (committed.state, committed.binding.generation) == (TokenState.ACTIVE, row.binding.generation + 1)
    assert (committed.sealed.access_blob, committed.sealed.renewal_blob) == (brought.access_blob, brought.renewal_blob)
    assert (committed.doubt, committed.doubt_owner, committed.attempt_id, committed.lease_owner) == (None,) * 4
    assert (committed.failures, committed.last_failure, committed.failed_at) == (0, None, None)
    assert backend.events()[-1] == ("refreshed", row.binding.token_key, 2)
    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())


def test_an_answer_whose_attempt_is_no_longer_the_rows_is_not_committed_unprobed(tokens: Tokens) -> None:
    row, first = in_doubt(tokens)
    assert retry_of(tokens, row) is not None
    leased = current(tokens, row)

    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())
    assert current(tokens, row) == leased


def test_an_answer_is_not_committed_unprobed_into_a_condemned_row(tokens: Tokens) -> None:
    row, first = in_doubt(tokens)
    assert tokens.condemn(row, attempt_id=first)

    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())
    assert current(tokens, row).state is TokenState.REAUTHENTICATION


def test_a_condemned_row_that_still_names_the_attempt_takes_no_answer_unprobed(backend: Backend) -> None:
    tokens = backend.tokens
    row, first = in_doubt(tokens)
    backend.plant(row, state=TokenState.REAUTHENTICATION)

    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())


def test_an_answer_for_an_older_generation_or_a_row_that_is_gone_is_not_committed(tokens: Tokens) -> None:
    row, first = in_doubt(tokens)
    replaced = reconnect(tokens, row)

    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())
    assert current(tokens, row) == replaced

    tokens.delete(replaced)
    assert not tokens.commit_answer(row, attempt_id=first, refreshed=refreshed())
    assert tokens.read(row.shard, row.binding.token_key).row is None


def test_an_owner_is_not_cleared_while_an_attempt_runs(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)
    assert retry_of(tokens, row) is not None
    leased = current(tokens, row)

    assert not tokens.clear_owner(row, owner=OWNER)
    assert not tokens.clear_owner(row, owner=OTHER_OWNER)
    assert current(tokens, row) == leased


def test_an_owner_clears_only_its_own_name(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)
    second = attempt()
    assert retry_of(tokens, row, attempt_id=second) is not None
    assert tokens.doubt(row, attempt_id=second, not_before=0)
    row = current(tokens, row)

    assert tokens.clear_owner(row, owner=OTHER_OWNER)

    assert current(tokens, row) == replace(row, lease_owner=None, version=row.version + 1)


def test_clearing_a_name_that_stands_nowhere_changes_nothing(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)

    assert tokens.clear_owner(row, owner=THIRD_OWNER)
    assert current(tokens, row) == row

    tokens.delete(row)
    assert tokens.clear_owner(row, owner=OWNER)


def test_a_name_of_an_older_generation_stands_nowhere(tokens: Tokens) -> None:
    row, _ = in_doubt(tokens)
    replaced = reconnect(tokens, row)
    lease(tokens, replaced)
    leased = current(tokens, row)

    assert tokens.clear_owner(row, owner=OWNER)
    assert current(tokens, row) == leased


def test_a_doubt_of_a_newer_generation_keeps_its_owner(tokens: Tokens) -> None:
    older, _ = in_doubt(tokens)
    replaced = reconnect(tokens, older)
    assert tokens.doubt(replaced, attempt_id=lease(tokens, replaced), not_before=0)
    newer = current(tokens, older)

    assert tokens.clear_owner(older, owner=OWNER)
    assert current(tokens, older) == newer


def test_the_rows_that_name_a_replica_are_found_in_every_state(tokens: Tokens) -> None:
    running = connect(tokens)
    lease(tokens, running)
    doubted, _ = in_doubt(tokens)
    condemned, attempt_id = in_doubt(tokens)
    tokens.condemn(condemned, attempt_id=attempt_id)
    both, _ = in_doubt(tokens)
    assert retry_of(tokens, both, owner=OWNER) is not None
    connect(tokens)

    expected = {row.binding.token_key: current(tokens, row) for row in (running, doubted, condemned, both)}
    found = tokens.named(OWNER)

    assert {row.binding.token_key: row for row in found} == expected
    assert len(found) == len(expected)
    assert tokens.named(OTHER_OWNER) == []
