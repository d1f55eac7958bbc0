"""A database that says something else of itself than before, and what the service makes of it."""

from dataclasses import replace

from mmt_grpc.domain.ports.store import Installation
from tests.support.fakes_world import World


def installation(world: World) -> Installation:
    """Return what the database says of itself."""
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
    """Whether the worker has no doubt about the database."""
    return bool(world.life.guard.calm)


def prove(world: World) -> None:
    """Do what the worker's background does while there is a doubt."""
    while world.life.proof.step():
        pass
