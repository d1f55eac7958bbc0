"""One exchange's slowness takes no more of a worker's calls than it has places: Connect and Revoke wait in them too."""

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError
from mmt_grpc.domain.model import Upstream
from tests.support.fakes_world import Client, World


def test_a_connect_that_finds_no_place_is_told_at_once_and_spends_nothing(world: World) -> None:
    crowded = world.client(life=world.boot(b"crowded-replica-", waiting_places=0))
    code = world.coinbase.authorize("alice")

    with pytest.raises(ProviderUnavailableError) as refusal:
        crowded.connect("alice", code)

    assert refusal.value.retry_after
    assert world.coinbase.counts["exchanges"] == 0
    assert world.client().connect("alice", code).token_id


def test_a_revoke_that_finds_no_place_deletes_and_leaves_the_exchange_to_the_background(
    world: World, client: Client
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    credential = client.resolve(token).credential
    world.life = world.boot(waiting_places=0)

    assert world.client().revoke(token).upstream is Upstream.FAILED

    assert world.row(token) is None
    world.pass_time(60)
    world.sweep()
    world.pass_time(60)
    world.sweep()
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []


def test_places_are_given_back(world: World) -> None:
    world.life = world.boot(waiting_places=1)
    client = world.client()

    for _ in range(3):
        token = client.connect("alice", world.coinbase.authorize("alice")).token_id
        assert client.revoke(token).upstream is Upstream.REVOKED
