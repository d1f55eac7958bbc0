"""Revocations that a replica has on its disk and nobody waits for."""

from tests.support.fakes_world import Client, World


def left_over(world: World, client: Client, *users: str, integration: str = "coinbase") -> None:
    """Leave revocations to the background, as a worker does whose exchanger is down between its two calls."""
    for user in users:
        grant = world.exchanges[integration].authorize(user)
        token = client.connect(user, grant, integration=integration).token_id
        row = world.standing(token)
        world.life.engine.upstream.hand_over(row)
        assert world.rows.delete(row) is not None
