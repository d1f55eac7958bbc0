"""Answers on a replica's disk that others have overtaken: whether they mend their rows, their providers have to say."""

from collections.abc import Sequence
from dataclasses import replace

from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_world import Client, World


def refreshed_in_vain(world: World, client: Client, count: int, *integrations: str) -> list[str]:
    """Return tokens that have just been refreshed, so many of each, whose commits and leases a failover took back."""
    made = list[str]()
    for integration in integrations:
        users = [f"{integration}-{number}" for number in range(count)]
        grants = [world.exchanges[integration].authorize(user) for user in users]
        made += [
            client.connect(user, grant, integration=integration).token_id
            for user, grant in zip(users, grants, strict=True)
        ]
    world.pass_time(3600)
    before = dict(world.rows.rows)
    for token in made:
        world.refresh(token)
    world.rows.rows.clear()
    world.rows.rows.update(before)
    return made


def condemn(world: World, tokens: Sequence[str]) -> None:
    """Have a retry elsewhere lose these chains, as far as anybody but this replica's disk knows."""
    for token in tokens:
        row = world.standing(token)
        world.rows.rows[row.shard, row.binding.token_key] = replace(
            row, state=TokenState.REAUTHENTICATION, reason=Cause.ROTATION_LOST
        )
