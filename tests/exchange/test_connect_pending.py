"""A Connect that another replica has begun is waited for while that one lives, and rejected once it is gone."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import GrantRejectedError, ProviderUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, AuthorizationCode
from mmt_grpc.domain.ports.store import SEEN_FOR
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import OTHER, Client, World


def test_a_pending_request_of_a_dead_life_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.boot(OTHER)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")
    assert world.coinbase.counts["exchanges"] == 0


def test_a_pending_request_is_rejected_as_soon_as_its_replica_lives_another_life(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    (there,) = [replica for replica in world.store.replicas.list() if replica.beat.owner == OTHER]
    world.store.replicas.beat(replace(there.beat, life=b"another-life-000"))

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_replica_not_seen_for_long_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.clock.advance(SEEN_FOR)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_forgotten_replica_is_rejected(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    world.store.replicas.forget(OTHER)

    with pytest.raises(GrantRejectedError):
        client.connect("alice", code, request_id="request-1")


def test_a_pending_request_of_a_living_replica_is_waited_for(world: World, client: Client) -> None:
    code = _pending_elsewhere(world)
    began = world.clock.elapsed()

    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert 9 * MICROSECONDS <= world.clock.elapsed() - began < 10 * MICROSECONDS
    assert [recorded.state for recorded in world.rows.requests.values()] == ["PENDING"]


def test_who_waits_for_a_living_replica_gets_its_answer(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")
    answers = []
    world.coinbase.meanwhile("redeem", lambda: answers.append(_refusal(client, code)))

    first = world.client(life=other).connect("alice", code, request_id="request-1")

    assert answers == [ProviderUnavailableError]
    assert client.connect("alice", code, request_id="request-1") == first


def test_a_replica_that_was_given_up_cannot_commit_any_more(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")

    def late() -> None:
        world.clock.advance(SEEN_FOR)
        assert _refusal(client, code) is GrantRejectedError

    world.coinbase.meanwhile("redeem", late)
    with pytest.raises(GrantRejectedError):
        world.client(life=other).connect("alice", code, request_id="request-1")
    other.engine.upstream.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0


def _pending_elsewhere(world: World) -> AuthorizationCode:
    other = world.boot(OTHER)
    code = world.coinbase.authorize("alice")
    world.failpoints.arm("connect.after_begin")
    other.line.is_up = True
    with pytest.raises(ProviderUnavailableError):
        world.client(life=other).connect("alice", code, request_id="request-1")
    return code


def _refusal(client: Client, code: AuthorizationCode) -> type[BaseException]:
    try:
        client.connect("alice", code, request_id="request-1")
    except (ProviderUnavailableError, GrantRejectedError, CrashError) as error:
        return type(error)
    raise AssertionError("it was not refused")
