"""What a replica makes of the records on its disk when it starts."""

from typing import Any

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.exchange.crash_points import interrupted_refresh
from tests.support.fakes_world import Client, World


def test_an_intent_that_no_longer_opens_may_have_been_sent(world: World, client: Client) -> None:
    token = interrupted_refresh(world, client, "refresh.before_send", restarts=False)
    (record,) = (world.directory / world.life.parts.owner.decode() / "spool").glob("attempt-*.record")
    damaged = bytearray(record.read_bytes())
    damaged[40] ^= 1
    record.write_bytes(damaged)

    world.restart()

    assert world.standing(token).state is TokenState.IN_DOUBT
    assert record.exists()


def test_a_start_looks_at_all_kept_answers_at_once(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes' answers are thousands: one by one they would keep a replica from leasing for as many readings."""
    for number in range(5):
        token = client.connect(f"user-{number}", world.coinbase.authorize(f"user-{number}")).token_id
        world.pass_time(3600)
        client.token(token)
    assert world.spooled() == ["attempt"] * 5
    looks: list[bytes] = []
    read = type(world.rows).read

    def counted(rows: Any, shard: int, token_key: bytes) -> object:
        looks.append(token_key)
        return read(rows, shard, token_key)

    monkeypatch.setattr(type(world.rows), "read", counted)
    world.restart()

    assert looks == []
    assert world.spooled() == ["attempt"] * 5


def test_a_start_brings_back_what_a_failover_took(world: World, client: Client) -> None:
    """Beside answers that their rows have left behind there is one whose commit is gone."""
    connected = [client.connect(name, world.coinbase.authorize(name)) for name in ("alice", "bob")]
    world.pass_time(3600)
    before = world.standing(connected[0].token_id)
    tokens = [client.token(each.token_id) for each in connected]
    world.rows.rows[before.shard, before.binding.token_key] = before

    world.restart()

    assert [client.token(each.token_id) for each in connected] == tokens
