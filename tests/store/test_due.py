"""Which rows are due, and when a failure makes them wait."""

from dataclasses import replace

from mmt_grpc.domain.token_row import TokenRow
from tests.store.backends import Backend
from tests.store.doubting import in_doubt
from tests.store.material import (
    DAY,
    MINUTE,
    OWNER,
    SEEN_FOR,
    Tokens,
    beat,
    connect,
    connection,
    current,
    lease,
)


def due_from(tokens: Tokens, next_refresh_at: int | None, shard: int = 5, *, integration: str = "coinbase") -> TokenRow:
    made = connection(shard=shard)
    binding = replace(made.binding, integration=integration)
    return connect(tokens, replace(made, binding=binding, next_refresh_at=next_refresh_at))


def keys(rows: object) -> list[bytes]:
    assert isinstance(rows, list)
    return [row.binding.token_key for row in rows]


def test_what_is_due_comes_earliest_first_and_never_more_than_asked_for(tokens: Tokens) -> None:
    now = tokens.now()
    made = [due_from(tokens, now - age * MINUTE, shard) for shard, age in enumerate((1, 3, 2, 4))]
    due_from(tokens, now + MINUTE)
    due_from(tokens, None)

    assert keys(tokens.due("coinbase", 10)) == keys([made[3], made[1], made[2], made[0]])
    assert tokens.due("coinbase", 2) == [made[3], made[1]]


def test_a_lease_is_due_when_it_is_over_and_when_a_clock_that_was_ahead_has_given_it(backend: Backend) -> None:
    tokens = backend.tokens
    backend.clock.shift = DAY
    row = due_from(tokens, tokens.now() - 2 * DAY)
    lease(tokens, row)
    assert tokens.due("coinbase", 10) == []

    backend.clock.shift = DAY + MINUTE
    assert keys(tokens.due("coinbase", 10)) == keys([row])
    backend.clock.shift = DAY - MINUTE // 20
    assert tokens.due("coinbase", 10) == []
    backend.clock.shift = 0
    assert keys(tokens.due("coinbase", 10)) == keys([row])


def test_each_integrations_rows_are_due_by_themselves(tokens: Tokens) -> None:
    now = tokens.now()
    names = ("coinbase", "uphold", "uphold", "acme")
    rows = [due_from(tokens, now - age * MINUTE, integration=name) for age, name in enumerate(names, start=1)]

    assert keys(tokens.due("coinbase", 10)) == keys([rows[0]])
    assert keys(tokens.due("uphold", 10)) == keys([rows[2], rows[1]])
    assert tokens.due("bygone", 10) == []


def test_the_integrations_that_have_rows_are_known_whether_anything_is_due_there_or_not(tokens: Tokens) -> None:
    assert tokens.integrations() == []
    for name, at in (("uphold", 1), ("binance", None), ("uphold", None), ("coinbase", tokens.now() + DAY)):
        due_from(tokens, at, integration=name)

    assert list(tokens.integrations()) == ["binance", "coinbase", "uphold"]


def test_a_failure_moves_the_next_refresh_on(backend: Backend) -> None:
    tokens = backend.tokens
    now = tokens.now()
    row = due_from(tokens, now - MINUTE)

    assert tokens.release(row, attempt_id=lease(tokens, row), not_before=now + MINUTE, never_sent=True)

    assert current(tokens, row).next_refresh_at == now + MINUTE
    assert tokens.due("coinbase", 10) == []
    backend.clock.shift = MINUTE
    assert keys(tokens.due("coinbase", 10)) == keys([row])


def test_a_failure_on_demand_leaves_a_later_refresh_and_none_as_they_are(tokens: Tokens) -> None:
    later, never = due_from(tokens, tokens.now() + DAY), due_from(tokens, None)

    for row in (later, never):
        assert tokens.release(row, attempt_id=lease(tokens, row), not_before=tokens.now(), never_sent=True)
        assert current(tokens, row).next_refresh_at == row.next_refresh_at


def test_a_doubt_is_due_when_it_may_be_settled_whenever_the_token_was_to_be_refreshed(tokens: Tokens) -> None:
    later, never = due_from(tokens, tokens.now() + DAY), due_from(tokens, None)
    not_before = tokens.now() + MINUTE

    for row in (later, never):
        assert tokens.doubt(row, attempt_id=lease(tokens, row), not_before=not_before, failure="ambiguous")

        assert current(tokens, row).next_refresh_at == not_before


def test_a_row_in_doubt_is_due_when_its_time_has_come_and_nobody_is_waited_for(backend: Backend) -> None:
    tokens = backend.tokens
    made = replace(connection(), next_refresh_at=tokens.now() - MINUTE)
    row, _ = in_doubt(tokens, made, wait=MINUTE)
    backend.replicas.beat(beat(owner=OWNER))
    assert tokens.due("coinbase", 10) == []

    backend.clock.shift = 2 * MINUTE
    assert tokens.due("coinbase", 10) == []

    backend.clock.shift = SEEN_FOR
    assert tokens.due("coinbase", 10) == [row]


def test_a_refresh_that_runs_is_due_only_when_its_lease_is_over(backend: Backend) -> None:
    tokens = backend.tokens
    row = due_from(tokens, tokens.now() - MINUTE)
    lease(tokens, row)
    assert tokens.due("coinbase", 10) == []

    backend.clock.shift = MINUTE

    assert tokens.due("coinbase", 10) == [current(tokens, row)]


def test_a_condemned_row_is_never_due(tokens: Tokens) -> None:
    row = due_from(tokens, tokens.now() - MINUTE)
    assert tokens.condemn(row, attempt_id=lease(tokens, row), failure="invalid_grant")

    assert tokens.due("coinbase", 10) == []
