"""What goes wrong in a run: drawn from the seed, most of it at a step of a refresh that is under way."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from mmt_grpc.domain.model import MICROSECONDS
from tests.simulation.life import Life
from tests.simulation.scheduler import Process
from tests.simulation.world import World

ABSENCES: Final = (1, 5, 30, 70, 130, 400, 700, 1500)
"""Seconds that a replica is away: shorter and longer than a lease, a doubt, and what counts as gone."""
LATEST_STEP: Final = 150
NOTICED_WITHIN: Final = 150 * MICROSECONDS
"""Two beats, however slow their threads are: what is right again by then, nobody has noticed."""
POSTS: Final = ("lost_post", "lost_answer", "late_post", "late_answer", "unavailable", "rate_limit", "invalid_client")
STATEMENTS: Final = ("refused", "applied", "unapplied", "late")

Strike = Callable[[World, Life, random.Random], None]


def kill(world: World, life: Life, draw: random.Random) -> None:
    """`kill -9`: what is in the page cache stays."""
    _die(world, life, draw)


def cut_power(world: World, life: Life, draw: random.Random) -> None:
    """The machine is gone: what was not fsynced may be lost."""
    life.replica.disk.lose_power()
    _die(world, life, draw)


def lose_disk(world: World, life: Life, draw: random.Random) -> None:
    """The machine never comes back, nor does its disk."""
    del draw
    if sum(1 for replica in world.replicas if not replica.is_gone) < 2:  # somebody has to stay
        return
    life.replica.is_gone = True
    world.oracle.lost_disks.add(life.replica.owner)
    life.is_dead = True


def stop(world: World, life: Life, draw: random.Random) -> None:
    """SIGSTOP, and much later SIGCONT."""
    life.stopped_until = world.scheduler.now + _absence(draw)


def stop_with_an_answer(world: World, life: Life, draw: random.Random) -> None:
    """SIGSTOP just when an answer has come to the disk, mostly for longer than others wait for it."""
    del world
    life.replica.stands_still_next = int(draw.choice((70, 700, 900, 1500)) * MICROSECONDS)


def take_a_doubt_back(world: World, life: Life, draw: random.Random) -> None:
    """The next answer is lost, and soon a failover takes back that the row was put in doubt for it."""
    del life
    world.exchange.fates.insert(0, "lost_answer")
    world.database.doubt_lasts = int((0.1 + 5 * draw.random()) * MICROSECONDS)


def cut_off(world: World, life: Life, draw: random.Random) -> None:
    """One replica alone cannot reach the database."""
    life.line.is_cut_until = world.scheduler.now + _absence(draw)


def fail_over(world: World, life: Life, draw: random.Random) -> None:
    """Another server goes on, and may know less."""
    del life
    loses = int(15 * MICROSECONDS * draw.random() ** 2) if draw.random() < 0.7 else 0  # a share
    world.database.fail_over(loses, world.oracle)
    world.database.down_until = world.scheduler.now + int(20 * MICROSECONDS * draw.random() ** 3)


def outage(world: World, life: Life, draw: random.Random) -> None:
    """The database is away."""
    del life
    world.database.down_until = world.scheduler.now + _absence(draw) // 3


def read_only(world: World, life: Life, draw: random.Random) -> None:
    """The database only reads."""
    del life
    world.database.read_only_until = world.scheduler.now + _absence(draw) // 3


def strike_statements(world: World, life: Life, draw: random.Random) -> None:
    """Answers of the database are lost, applied or not."""
    del life
    world.database.fates += [draw.choice(("", *STATEMENTS)) for _ in range(draw.randint(1, 5))]


def strike_posts(world: World, life: Life, draw: random.Random) -> None:
    """POSTs and answers are lost, late or refused."""
    del life
    world.exchange.fates += [draw.choice(("", *POSTS)) for _ in range(draw.randint(1, 4))]


def close_exchange(world: World, life: Life, draw: random.Random) -> None:
    """The exchange cannot be reached: no connection, no probe."""
    del life
    world.exchange.is_down_until = world.scheduler.now + _absence(draw)


def fill_disk(world: World, life: Life, draw: random.Random) -> None:
    """No block is left."""
    disk = life.replica.disk
    disk.is_full = True
    world.scheduler.at(world.scheduler.now + _absence(draw), lambda: setattr(disk, "is_full", False))


def break_disk(world: World, life: Life, draw: random.Random) -> None:
    """Everything is refused with EIO."""
    disk = life.replica.disk
    disk.is_bad = True
    world.scheduler.at(world.scheduler.now + _absence(draw), lambda: setattr(disk, "is_bad", False))


def spoil_an_answer(world: World, life: Life, draw: random.Random) -> None:
    """The block goes bad on which the next answer comes to the disk; often the process ends too, or the database."""
    life.replica.spoils_next = _absence(draw)
    life.replica.dies_of_it = draw.random() < 0.7  # a share
    if draw.random() < 0.4:  # a share
        world.scheduler.at(world.scheduler.now + 2 * MICROSECONDS, lambda: fail_over(world, life, draw))


def lag_keyring(world: World, life: Life, draw: random.Random) -> None:
    """A process ends with an answer on its disk, its first to its third from now on, and its next life finds a keyring
    file that lacks the rows' newest key until that arrives.
    """
    del world
    life.replica.lags_next = _absence(draw)
    life.replica.answers_left = draw.randint(1, 3)


def jump_clock(world: World, life: Life, draw: random.Random) -> None:
    """A machine's wall clock is set."""
    del world
    life.replica.disk.wall_shift += draw.choice((-1, 1)) * draw.choice((5, 700, 86_400)) * MICROSECONDS


def jump_database_clock(world: World, life: Life, draw: random.Random) -> None:
    """The database's clock is wrong from now on, or right again."""
    del life
    clock, now = world.database.clock, world.scheduler.now
    if now < world.database.clock_set_at + NOTICED_WITHIN:
        return
    world.database.clock_set_at = now
    wrong = draw.choice((-1, 1)) * draw.choice((5, 90, 700, 86_400)) * MICROSECONDS
    clock.shift = 0 if clock.shift else wrong
    world.scheduler.note(f"database: its clock is {clock.shift / MICROSECONDS} s ahead")


def withdraw(world: World, life: Life, draw: random.Random) -> None:
    """A user withdraws access at the exchange."""
    del life
    chains = [chain for chain in world.exchange.books.chains if chain.alive]
    if chains:
        world.exchange.end(draw.choice(chains), "withdrawn")


KINDS: Final[dict[str, tuple[Strike, int]]] = {
    "kill": (kill, 20),
    "power cut": (cut_power, 12),
    "disk lost": (lose_disk, 4),
    "stopped": (stop, 12),
    "stopped with an answer": (stop_with_an_answer, 8),
    "doubt taken back": (take_a_doubt_back, 6),
    "cut off": (cut_off, 6),
    "failover": (fail_over, 16),
    "outage": (outage, 6),
    "read-only": (read_only, 3),
    "statements": (strike_statements, 16),
    "posts": (strike_posts, 18),
    "exchange away": (close_exchange, 4),
    "disk full": (fill_disk, 4),
    "disk broken": (break_disk, 4),
    "bad block": (spoil_an_answer, 8),
    "keyring lags": (lag_keyring, 12),
    "clock set": (jump_clock, 3),
    "database's clock set": (jump_database_clock, 10),
    "withdrawn": (withdraw, 1),
}
"""Every kind and how often it is drawn."""


def plan(world: World, struck: Counter[str]) -> list[tuple[int, Callable[[Process], None]]]:
    """Draw a run's faults: at which step of a refresh each strikes, the last first; `struck` counts them."""
    draw = world.scheduler.random
    kinds, weights = list(KINDS), [weight for _, weight in KINDS.values()]
    drawn = draw.choices(kinds, weights, k=draw.choice((1, 1, 2, 2, 3, 4, 6)))
    latest = draw.choice((12, 40, LATEST_STEP))

    def striking(kind: str) -> Callable[[Process], None]:
        def strike(process: Process) -> None:
            struck[kind] += 1
            world.scheduler.note(f"fault: {kind} at {process.name}")
            KINDS[kind][0](world, cast("Life", process), draw)

        return strike

    return sorted(((draw.randint(1, latest), striking(kind)) for kind in drawn), key=lambda one: -one[0])


def _absence(draw: random.Random) -> int:
    return int(draw.choice(ABSENCES) * (0.5 + draw.random()) * MICROSECONDS)


def _die(world: World, life: Life, draw: random.Random) -> None:
    life.is_dead = True
    world.scheduler.at(world.scheduler.now + _absence(draw), life.replica.boot)
