"""A row names no replica for what an earlier grant left on its disk."""

import contextlib
from dataclasses import replace

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import THIS, Client, World


@pytest.fixture
def named(world: World, client: Client) -> str:
    """A token in doubt in the name of a replica whose disk holds but an answer of an earlier grant, further along.

    A failover took that grant's refreshes back and the user connected anew; the replica died as it had put the new
    grant's refresh in doubt, of which a power cut has torn the record.
    """
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    world.pass_time(3600)
    world.failpoints.arm("refresh.before_commit")
    with contextlib.suppress(CrashError):
        world.refresh(token)
    assert world.spooled() == ["attempt"]
    row = world.standing(token)
    world.rows.rows[row.shard, row.binding.token_key] = replace(
        row,
        state=TokenState.IN_DOUBT,
        grant_number=row.grant_number + 1,
        attempt_id=None,
        lease_owner=None,
        lease_until=None,
        doubt=b"torn-by-powercut",
        doubt_owner=THIS,
    )
    return token


def test_a_doubt_is_free_for_its_retry_once_its_replica_has_settled_what_it_has(world: World, named: str) -> None:
    world.restart()

    row = world.standing(named)
    assert (row.state, row.doubt_owner, row.binding.generation) == (TokenState.IN_DOUBT, None, 1)
