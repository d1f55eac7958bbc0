"""A revoked row that comes back with an older database is refused from the first call on, and nobody else is."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.ledger_batch import BATCH, OVERLAP
from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.ports.store import Installation, LedgerEntry
from mmt_grpc.domain.revival_guard import HELD
from mmt_grpc.domain.revival_proof import SKEW
from tests.support.fakes_world import Client, World

Asking = Callable[[Client, str], object]
ASKING = [
    pytest.param(lambda client, token: client.resolve(token), id="resolve"),
    pytest.param(lambda client, token: client.resolve(token, required=Scope.WRITE), id="resolve for more"),
    pytest.param(lambda client, token: client.resolve(token, rejected=1), id="resolve after a refusal"),
    pytest.param(lambda client, token: client.check_scope(token, Scope.READ), id="check scope"),
]


@pytest.fixture
def revived(world: World, client: Client) -> Iterator[str]:
    """A token that was revoked, and whose row is back."""
    token = client.connect("bob", world.coinbase.authorize("bob")).token_id
    rows = dict(world.rows.rows)
    client.revoke(token)
    world.rows.rows.update(rows)
    yield token
    assert world.row(token) is not None


def installation(world: World) -> Installation:
    found = world.store.installations.read()
    assert found is not None
    return found


def become(world: World, state: Installation | None) -> None:
    """Have the database say something else of itself."""
    vars(world.store.installations)["_installation"] = state


def follow(world: World, position: int) -> None:
    """Let the database remember that it was compared with the ledger up to a position."""
    assert world.store.installations.advance_head(before=installation(world).ledger_head, after=position)
    world.life.guard.look()


def set_back(world: World, *, head: int = 0) -> None:
    """Put an older state of the installation back."""
    become(world, replace(installation(world), ledger_head=head))
    world.life.guard.look()


def is_calm(world: World) -> bool:
    return bool(world.life.guard.calm)


def prove(world: World) -> None:
    """Do what the background does."""
    while world.life.proof.step():
        pass


def test_a_row_that_came_back_unnoticed_is_handed_out(client: Client, revived: str) -> None:
    """What the other tests stand on: the row is whole."""
    assert client.token(revived)


@pytest.mark.parametrize("ask", ASKING)
def test_a_revoked_row_is_not_found_once_a_connection_was_lost(
    world: World, client: Client, revived: str, ask: Asking
) -> None:
    world.life.guard.suspect()

    with pytest.raises(TokenNotFoundError):
        ask(client, revived)


@pytest.mark.parametrize("ask", ASKING)
def test_a_revoked_row_is_not_found_in_a_database_that_is_older(
    world: World, client: Client, revived: str, ask: Asking
) -> None:
    follow(world, world.ledger.head())
    set_back(world)

    with pytest.raises(TokenNotFoundError):
        ask(client, revived)
    assert world.log.alarms == ["database_is_older"]


def test_a_revoked_row_is_not_found_once_anybody_has_opened_a_recovery(
    world: World, client: Client, revived: str
) -> None:
    world.store.recoveries.open(world.store.recoveries.current())
    world.life.guard.look()

    with pytest.raises(TokenNotFoundError):
        client.resolve(revived)


@pytest.mark.parametrize("method", ["read_access", "contains"])
def test_nobody_else_is_refused_in_doubt(world: World, client: Client, token: str, method: str) -> None:
    world.life.guard.suspect()

    assert client.token(token)
    assert client.check_scope(token, Scope.READ).allowed
    assert world.weather.calls[method] > 0
    with pytest.raises(TokenNotFoundError):
        world.client("client-2").resolve(token)


def test_in_doubt_nothing_leaves_that_the_ledger_was_not_asked_about(world: World, client: Client, token: str) -> None:
    world.life.guard.suspect()
    with world.weather.outage("contains"):
        with pytest.raises(StoreUnavailableError) as refusal:
            client.resolve(token)
        assert refusal.value.retry_after
        with pytest.raises(StoreUnavailableError):
            client.check_scope(token, Scope.READ)
    assert client.token(token)


def test_in_calm_the_ledger_is_asked_nothing(world: World, client: Client, token: str) -> None:
    with world.weather.outage("contains", "since", "now", "head"):
        assert client.token(token)
        assert client.check_scope(token, Scope.READ).allowed


def test_doubt_that_comes_between_reading_and_handing_out_is_in_time(
    world: World, client: Client, revived: str
) -> None:
    world.clock.plan(1, world.life.guard.suspect)
    world.weather.before("read_access", lambda: world.pass_time(1))

    with pytest.raises(TokenNotFoundError):
        client.resolve(revived)


def test_a_doubt_that_came_and_went_while_a_call_waited_is_not_forgotten(
    world: World, client: Client, token: str
) -> None:
    """The row that was read in between may have been one that came back, and be gone by now."""
    row = world.standing(token)

    def come_and_go() -> None:
        world.life.guard.suspect()
        world.ledger.record(row.shard, row.binding.token_key)
        kept = dict(world.rows.rows)
        world.rows.rows.clear()
        prove(world)
        assert is_calm(world)
        world.rows.rows.update(kept)

    world.life.lanes.holds_back = True
    world.clock.plan(100_000, come_and_go)
    with pytest.raises(TokenNotFoundError):
        client.resolve(token, min_validity=24 * 3600)


def test_the_doubt_ends_when_no_row_is_left_that_the_ledger_names(world: World, revived: str) -> None:
    guard = world.life.guard
    guard.suspect()
    prove(world)
    assert not is_calm(world)

    row = world.rows.rows.pop((world.standing(revived).shard, world.standing(revived).binding.token_key))
    prove(world)

    assert is_calm(world)
    assert world.log.named("revivals_suspected") == [{"why": "connection_lost"}]
    assert len(world.log.named("revivals_ruled_out")) == 1
    world.rows.rows[row.shard, row.binding.token_key] = row


def test_a_new_sign_during_the_proof_leaves_the_doubt(world: World) -> None:
    guard = world.life.guard
    guard.suspect()
    world.weather.before("since", guard.suspect)
    prove(world)
    assert not is_calm(world)

    prove(world)
    assert is_calm(world)


def test_a_proof_looks_back_beyond_the_position_that_the_database_has_reached(world: World, token: str) -> None:
    world.pass_time(3600)
    row, late = world.standing(token), world.rows.now() - OVERLAP + MICROSECONDS
    follow(world, world.rows.now())
    world.ledger._entries[row.binding.token_key] = LedgerEntry(late, row.shard, row.binding.token_key, late)
    world.life.guard.suspect()
    prove(world)

    assert not is_calm(world)


def test_revokes_without_end_do_not_keep_the_doubt_alive(world: World, client: Client, token: str) -> None:
    """What is revoked after the doubt began is deleted from the database as it is now."""
    guard, row = world.life.guard, world.standing(token)
    guard.suspect()
    world.ledger.record(row.shard, row.binding.token_key)
    prove(world)
    assert not is_calm(world)

    world.rows.rows.clear()
    world.pass_time(SKEW / MICROSECONDS + 1)
    for number in range(3):
        later = client.connect(f"user-{number}", world.coinbase.authorize(f"user-{number}")).token_id
        world.ledger.record(world.standing(later).shard, world.standing(later).binding.token_key)
    prove(world)

    assert is_calm(world)


@pytest.mark.parametrize("count", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
@pytest.mark.parametrize("spread", [0, 1], ids=["all at one moment", "each at its own"])
def test_a_proof_looks_at_every_entry_wherever_a_batch_ends(world: World, token: str, count: int, spread: int) -> None:
    row = world.standing(token)
    for number in range(count):
        key = number.to_bytes(32)
        world.ledger._entries[key] = LedgerEntry(1000 + number * spread, 0, key, 0)
    last = 1000 + count * spread
    world.ledger._entries[row.binding.token_key] = LedgerEntry(last, row.shard, row.binding.token_key, last)
    world.life.guard.suspect()
    prove(world)
    assert not is_calm(world)

    world.rows.rows.clear()
    prove(world)
    assert is_calm(world)


def test_an_older_database_stays_in_doubt_until_it_was_compared_and_a_while_longer(world: World) -> None:
    """A backup comes back table by table: what says how old it is may be there before its rows are."""
    follow(world, 50)
    set_back(world)
    world.pass_time(2 * HELD / MICROSECONDS)
    prove(world)
    assert not is_calm(world)

    follow(world, 50)
    prove(world)
    assert not is_calm(world)

    world.pass_time(HELD / MICROSECONDS + 1)
    prove(world)
    assert is_calm(world)
    assert world.log.alarms == ["database_is_older"]


@pytest.mark.parametrize("foreign", [b"installation-999", None], ids=["another's", "nobody's"])
def test_another_database_answers_nothing_until_the_right_one_is_back(
    world: World, client: Client, token: str, foreign: bytes | None
) -> None:
    guard, ours = world.life.guard, installation(world)
    become(world, None if foreign is None else replace(ours, installation_id=foreign))
    rows = dict(world.rows.rows)
    world.rows.rows.clear()
    guard.suspect()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            client.resolve(token)
        with pytest.raises(StoreUnavailableError):
            client.check_scope(token, Scope.READ)
        assert guard.look() is None
    assert world.log.alarms == ["database_is_another"]

    become(world, ours)
    world.rows.rows.update(rows)
    guard.look()
    assert client.token(token)
    world.pass_time(HELD / MICROSECONDS + 1)
    prove(world)
    assert is_calm(world)


def test_what_an_earlier_reading_says_is_no_sign_once_a_later_one_is_known(world: World) -> None:
    guard = world.life.guard
    read = world.store.installations.age

    def overtaken() -> object:
        before = read()
        world.store.installations.age = read  # type: ignore[method-assign]  # once
        follow(world, 70)
        return before

    world.store.installations.age = overtaken  # type: ignore[method-assign,assignment]  # once
    guard.look()

    assert is_calm(world)
    assert world.log.alarms == []
