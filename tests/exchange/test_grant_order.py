"""Answers of one grant and rows of another: which Connect came first is said by its number, not by its clock alone."""

import contextlib
from dataclasses import replace

import pytest

from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.attempt_records import Intent, decode_intent, encode_intent
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import OTHER, Client, World

OLD_RECORD = frame(
    b"a" * 16,
    (7).to_bytes(8),
    b"k" * 32,
    b"coinbase",
    (3).to_bytes(8),
    (1_000).to_bytes(8),
    (2_000).to_bytes(8),
)
"""What the version without grant numbers wrote."""
OLD_INTENT = Intent(b"a" * 16, 7, b"k" * 32, "coinbase", 3, 1_000, 2_000, None)


@pytest.fixture
def uncommitted(world: World, client: Client) -> str:
    """A token of twenty seconds' age whose replica died with a refresh's answer on its disk."""
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(20)
    world.failpoints.arm("refresh.before_commit")
    with contextlib.suppress(CrashError):
        world.refresh(token)
    assert world.spooled() == ["attempt"]
    return token


@pytest.mark.parametrize("shift", [-30, 0], ids=["a clock that was set back", "a clock that goes on"])
def test_what_a_connect_has_superseded_is_not_revoked(
    world: World, client: Client, uncommitted: str, shift: int
) -> None:
    other = world.client(life=world.boot(OTHER))
    world.store.clock.shift = shift * MICROSECONDS
    other.connect("alice", world.coinbase.authorize("alice"))

    world.restart()
    world.sweep()

    assert world.coinbase.counts["revocations"] == 0
    assert world.coinbase.is_alive(client.resolve(uncommitted).credential)


@pytest.mark.parametrize("later", [-30, 0, 30])
def test_an_answer_of_a_grant_that_a_failover_took_back_is_revoked(world: World, uncommitted: str, later: int) -> None:
    row = world.standing(uncommitted)
    before = replace(
        row, grant_number=row.grant_number - 1, attempt_id=None, connected_at=row.connected_at + later * MICROSECONDS
    )
    world.rows.rows[row.shard, row.binding.token_key] = before

    world.restart()
    world.sweep()

    assert world.coinbase.counts["revocations"] == 1
    assert world.standing(uncommitted).binding.generation == 1


def test_a_grant_that_a_failover_has_let_be_numbered_again_does_not_get_the_others_answer(
    world: World, uncommitted: str
) -> None:
    row = world.standing(uncommitted)
    again = replace(row, connected_at=row.connected_at + MICROSECONDS)
    world.rows.rows[row.shard, row.binding.token_key] = again

    world.restart()

    assert world.standing(uncommitted).binding.generation == 1
    assert world.standing(uncommitted).sealed == row.sealed


def test_an_intent_keeps_its_grants_number() -> None:
    intent = replace(OLD_INTENT, grant_number=5)

    assert decode_intent(encode_intent(intent)) == intent


def test_a_record_of_the_version_without_grant_numbers_is_read() -> None:
    assert decode_intent(OLD_RECORD) == OLD_INTENT
    assert encode_intent(OLD_INTENT) == OLD_RECORD


def test_a_record_that_says_more_than_is_known_of_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="newer"):
        decode_intent(encode_intent(replace(OLD_INTENT, grant_number=5)) + frame(b"more"))


@pytest.mark.parametrize(
    ("number", "connected_at", "order"),
    [(4, 2_000, 1), (5, 999, 1), (5, 1_000, 0), (5, 1_001, -1), (6, 500, -1)],
)
def test_grants_are_in_order_of_their_numbers_then_of_their_times(
    world: World, uncommitted: str, number: int, connected_at: int, order: int
) -> None:
    row = replace(world.standing(uncommitted), grant_number=number, connected_at=connected_at)

    assert sign(replace(OLD_INTENT, grant_number=5), row) == order


@pytest.mark.parametrize(("connected_at", "order"), [(999, 1), (1_000, 0), (1_001, -1)])
def test_those_of_an_old_record_are_in_order_of_their_times_whatever_the_number(
    world: World, uncommitted: str, connected_at: int, order: int
) -> None:
    row = replace(world.standing(uncommitted), grant_number=9, connected_at=connected_at)

    assert sign(OLD_INTENT, row) == order


def sign(intent: Intent, row: TokenRow) -> int:
    order = intent.grant_order(row)
    return (order > 0) - (order < 0)
