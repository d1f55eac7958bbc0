"""Rows that an exchange condemned on a bad day: which are found, which come back, and which never do."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.store.backends import Backend, Database
from tests.store.conftest import DATABASES
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    DAY,
    MINUTE,
    OTHER_OWNER,
    OWNER,
    Tokens,
    attempt,
    connect,
    connection,
    current,
    lease,
    reconnect,
    sealed,
)
from tests.support.fake_reinstatement import FakeReinstatementRows

WAIT = 5 * MINUTE
LOST = 3
ON_DATABASES = pytest.mark.parametrize("opened", DATABASES, indirect=True)


def condemned(tokens: Tokens, *, shard: int = 5, integration: str = "coinbase") -> TokenRow:
    """Connect, have the refresh refused for good, and return the row."""
    made = connection(shard=shard)
    made = replace(made, binding=replace(made.binding, integration=integration))
    row = connect(tokens, made)
    assert tokens.condemn(row, attempt_id=lease(tokens, row), failure="invalid_grant")
    return current(tokens, row)


def found(tokens: Tokens, *, integration: str = "coinbase", limit: int = 100) -> Sequence[Condemned]:
    now = tokens.now()
    return tokens.condemned(integration, since=now - DAY, before=now + DAY, behind=None, limit=limit)


def reinstated(tokens: Tokens) -> Sequence[bytes]:
    """Reinstate whatever is found; return the keys of the rows that were."""
    return [row.binding.token_key for row in tokens.reinstate([(one, WAIT) for one in found(tokens)])]


def test_a_row_comes_back_as_it_was_and_is_due_soon(tokens: Tokens) -> None:
    row = condemned(tokens)
    assert (row.state, row.reason, row.failures) == (TokenState.REAUTHENTICATION, Cause.PROVIDER_REVOKED, 0)

    before = tokens.now()
    assert reinstated(tokens) == [row.binding.token_key]
    after = tokens.now()

    standing = current(tokens, row)
    assert standing == replace(
        row,
        state=TokenState.ACTIVE,
        reason=None,
        version=row.version + 1,
        next_refresh_at=standing.next_refresh_at,
        last_failure=None,
        failed_at=None,
    )
    assert before + WAIT <= (standing.next_refresh_at or 0) <= after + WAIT
    assert found(tokens) == []


def test_a_row_that_came_back_is_found_due_and_is_leased(backend: Backend) -> None:
    tokens = backend.tokens
    row = condemned(tokens)
    assert reinstated(tokens)
    assert tokens.due("coinbase", 10) == []

    backend.clock.shift = WAIT + MINUTE
    assert tokens.due("coinbase", 10) == [current(tokens, row)]
    assert lease(tokens, current(tokens, row))


def test_failures_before_the_condemnation_hold_no_refresh_back(tokens: Tokens) -> None:
    row = connect(tokens)
    assert tokens.release(row, attempt_id=lease(tokens, row), not_before=tokens.now() + DAY, never_sent=True)
    failed = current(tokens, row)
    assert tokens.condemn(failed, attempt_id=lease(tokens, failed))

    assert reinstated(tokens)
    standing = current(tokens, row)
    assert (standing.not_before, standing.failures) == (None, 0)


def test_what_comes_back_stands_in_the_outbox(backend: Backend) -> None:
    row = condemned(backend.tokens)
    assert reinstated(backend.tokens)
    assert backend.events()[-1] == ("reinstated", row.binding.token_key, row.binding.generation)


def test_a_dead_token_is_condemned_again(tokens: Tokens) -> None:
    row = condemned(tokens)
    assert reinstated(tokens)
    standing = current(tokens, row)
    assert tokens.condemn(standing, attempt_id=lease(tokens, standing))
    again = current(tokens, row)
    assert (again.state, again.reason) == (TokenState.REAUTHENTICATION, Cause.PROVIDER_REVOKED)


def doubted(tokens: Tokens) -> TokenRow:
    """A late refusal of the attempt that is itself in doubt."""
    row, attempt_id = in_doubt(tokens)
    assert tokens.condemn(row, attempt_id=attempt_id)
    return row


def lost(tokens: Tokens) -> TokenRow:
    """A retry was refused: the first POST had spent the token."""
    row, _ = in_doubt(tokens)
    second = attempt()
    assert retry_of(tokens, row, attempt_id=second, owner=OTHER_OWNER) is not None
    assert tokens.condemn(row, attempt_id=second)
    return row


@pytest.mark.parametrize(("bring", "reason"), [(doubted, Cause.PROVIDER_REVOKED), (lost, Cause.ROTATION_LOST)])
def test_what_was_ever_in_doubt_does_not_come_back(
    tokens: Tokens, bring: Callable[[Tokens], TokenRow], reason: Cause
) -> None:
    row = bring(tokens)
    standing = current(tokens, row)
    assert (standing.reason, [one.row for one in found(tokens)]) == (reason, [standing])
    assert reinstated(tokens) == []
    assert current(tokens, row) == standing


def test_a_lost_rotation_does_not_come_back_whatever_else_the_row_says(backend: Backend) -> None:
    row = condemned(backend.tokens)
    is_fake = isinstance(backend.tokens, FakeReinstatementRows)
    backend.plant(row, reason=Cause.ROTATION_LOST if is_fake else LOST)  # type: ignore[arg-type]  # as the fake has it
    assert reinstated(backend.tokens) == []


@pytest.mark.parametrize("name", [{"doubt": attempt()}, {"doubt_owner": OWNER}])
def test_a_doubt_or_its_owner_alone_is_enough(backend: Backend, name: dict[str, bytes]) -> None:
    row = condemned(backend.tokens)
    backend.plant(row, **name)
    assert reinstated(backend.tokens) == []
    assert current(backend.tokens, row).state is TokenState.REAUTHENTICATION


def test_a_row_whose_refresh_token_was_erased_does_not_come_back(backend: Backend) -> None:
    tokens = backend.tokens
    row = condemned(tokens)
    read = found(tokens)
    backend.clock.shift = 8 * DAY
    assert tokens.erase_renewals(7 * DAY, 10) == 1
    erased = current(tokens, row)
    assert tokens.reinstate([(replace(read[0], row=erased), WAIT)]) == []
    assert current(tokens, row) == erased
    assert tokens.condemned("coinbase", since=0, before=tokens.now(), behind=None, limit=10) == []


def unrefreshable(tokens: Tokens) -> TokenRow:
    """A condemned row that never had a refresh token."""
    row = connect(tokens, replace(connection(), sealed=sealed(renewal=False)))
    assert tokens.condemn(row, attempt_id=lease(tokens, row))
    return current(tokens, row)


def test_a_row_without_a_refresh_token_is_not_found(tokens: Tokens) -> None:
    unrefreshable(tokens)
    assert found(tokens) == []


@ON_DATABASES
def test_a_row_without_a_refresh_token_does_not_come_back(opened: Database) -> None:
    tokens = opened.backend().tokens
    row = unrefreshable(tokens)
    condemned_at = int(str(opened.query("SELECT condemned_at FROM token")[0][0]))
    assert tokens.reinstate([(Condemned(row.shard, row.binding.token_key, condemned_at, row), WAIT)]) == []
    assert current(tokens, row) == row


def test_a_row_that_moved_since_it_was_read_is_left_as_it_is(tokens: Tokens) -> None:
    connected, revoked, healed = condemned(tokens), condemned(tokens), condemned(tokens)
    read = found(tokens)
    reconnect(tokens, connected)
    assert tokens.delete(current(tokens, revoked)) is not None
    assert [row.binding.token_key for row in tokens.reinstate([(one, WAIT) for one in read])] == [
        healed.binding.token_key
    ]
    assert tokens.reinstate([(one, WAIT) for one in read]) == []
    assert tokens.read(revoked.shard, revoked.binding.token_key).row is None
    assert current(tokens, connected).grant_number == connected.grant_number + 1


def test_a_row_of_another_version_does_not_come_back(backend: Backend) -> None:
    row = condemned(backend.tokens)
    read = found(backend.tokens)[0]
    backend.plant(row, version=row.version + 1)
    assert backend.tokens.reinstate([(read, WAIT)]) == []


def test_only_a_condemned_row_comes_back(backend: Backend) -> None:
    tokens = backend.tokens
    row = condemned(tokens)
    read = found(tokens)[0]
    backend.plant(row, state=TokenState.IN_DOUBT)
    assert tokens.reinstate([(read, WAIT)]) == []
    backend.plant(row, state=TokenState.REAUTHENTICATION)
    assert len(tokens.reinstate([(read, WAIT)])) == 1


def test_a_row_of_another_condemnation_does_not_come_back(tokens: Tokens) -> None:
    row = condemned(tokens)
    other = replace(found(tokens)[0], condemned_at=found(tokens)[0].condemned_at - 1)
    assert tokens.reinstate([(other, WAIT)]) == []
    assert current(tokens, row) == row


def test_rows_are_found_by_their_exchange_and_the_time_of_their_condemnation(backend: Backend) -> None:
    tokens = backend.tokens
    began = tokens.now()
    early = condemned(tokens)
    backend.clock.shift = 10 * MINUTE
    late, other = condemned(tokens), condemned(tokens, integration="uphold")
    connect(tokens)
    middle, end = began + 5 * MINUTE, began + 15 * MINUTE

    def keys(integration: str, since: int, before: int) -> list[bytes]:
        rows = tokens.condemned(integration, since=since, before=before, behind=None, limit=10)
        return [one.token_key for one in rows]

    assert keys("coinbase", began, end) == [early.binding.token_key, late.binding.token_key]
    assert keys("coinbase", began, middle) == [early.binding.token_key]
    assert keys("coinbase", middle, end) == [late.binding.token_key]
    assert keys("uphold", began, end) == [other.binding.token_key]
    at = tokens.condemned("coinbase", since=middle, before=end, behind=None, limit=1)[0].condemned_at
    assert keys("coinbase", at, at + 1) == [late.binding.token_key]
    assert keys("coinbase", at + 1, end) == keys("coinbase", middle, at) == []


def test_all_are_found_page_by_page_though_some_stay(backend: Backend) -> None:
    tokens = backend.tokens
    rows = [condemned(tokens, shard=shard) for shard in (7, 3, 7, 4095, 0, 3)]
    stay = {lost(tokens).binding.token_key for _ in range(3)}
    now = tokens.now()
    seen: list[bytes] = []
    back: list[bytes] = []
    behind: Condemned | None = None
    while page := tokens.condemned("coinbase", since=now - DAY, before=now + DAY, behind=behind, limit=2):
        seen += [one.token_key for one in page]
        back += [row.binding.token_key for row in tokens.reinstate([(one, WAIT) for one in page])]
        behind = page[-1]
    assert len(seen) == len(set(seen)) == len(rows) + len(stay)
    assert set(back) == {row.binding.token_key for row in rows}


@ON_DATABASES
def test_rows_of_one_moment_are_told_apart(opened: Database) -> None:
    tokens = opened.backend().tokens
    rows = [condemned(tokens, shard=shard) for shard in (7, 3, 7, 3, 0)]
    opened.query(f"UPDATE token SET condemned_at = {tokens.now()}")  # noqa: S608  # a number
    expected = sorted((row.shard, row.binding.token_key) for row in rows)
    seen: list[tuple[int, bytes]] = []
    behind: Condemned | None = None
    while page := tokens.condemned("coinbase", since=0, before=tokens.now() + DAY, behind=behind, limit=2):
        seen += [(one.shard, one.token_key) for one in page]
        behind = page[-1]
    assert seen == expected


@ON_DATABASES
def test_a_row_that_this_version_does_not_understand_is_found_and_left_alone(opened: Database) -> None:
    tokens = opened.backend().tokens
    row, healed = condemned(tokens), condemned(tokens)
    opened.backend().plant(row, reason=99)
    assert {one.token_key: one.row is None for one in found(tokens)} == {
        row.binding.token_key: True,
        healed.binding.token_key: False,
    }
    assert reinstated(tokens) == [healed.binding.token_key]
