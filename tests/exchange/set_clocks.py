"""Setting the database's clock under replicas that beat."""

from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.exchange.heartbeat import SECONDS
from tests.support.fakes_world import Life, World

A_DAY: Final = 86_400 * MICROSECONDS
ELSEWHERE: Final = b"attempt-of-other"
NOTICED: Final = 4
"""After so many beats a jump has been noticed, and the clock is trusted again."""


def beat(world: World, *lives: Life, times: int = 1) -> None:
    """Have replicas beat, the world's alone if none is named, and settle what they find."""
    for _ in range(times):
        world.pass_time(SECONDS)
        for life in lives or (world.life,):
            life.beat()


def set_clock(world: World, shift: int, *lives: Life) -> None:
    """Set the database's clock; the replicas that live have noticed when this returns."""
    world.store.clock.shift = shift
    beat(world, *lives, times=NOTICED)
