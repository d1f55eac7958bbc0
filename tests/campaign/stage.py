"""One stage of a campaign: a fleet, its crowd, one kind of fault, and the verdict after everything has settled."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.at_death import Deaths
from tests.campaign.churn import Churn
from tests.campaign.crowd import Crowd, running_crowd
from tests.campaign.exchange import Exchange
from tests.campaign.faults import Fault
from tests.campaign.fleet import Fleet, running_fleet
from tests.campaign.results import Row
from tests.campaign.verdict import Verdict, judge, settle
from tests.support.database_server import Database

CHURN_PAUSE = 0.5


@dataclass(frozen=True)
class Size:
    """How large a stage is; `settle_seconds` is how long everybody may take to be served once the faults stop."""

    replicas: int = 3
    workers: int = 2
    tokens: int = 60
    access_seconds: float = 3.0
    threads: int = 6
    settle_seconds: float = 240.0
    seed: int = 1


@dataclass(frozen=True)
class Scene:
    """What a fault may reach."""

    fleet: Fleet
    crowd: Crowd
    deaths: Deaths
    chance: random.Random
    stack: ExitStack


def run_stage(
    name: str,
    cycles: int,
    database: Database,
    size: Size,
    make: Callable[[Scene], Fault],
    *,
    exchange: Callable[[ExitStack], Exchange] | None = None,
    settling: Callable[[Scene], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
    keep: Path | None = None,
) -> Row:
    """Run so many cycles of the fault that `make` makes; `settling` is called once they are over.

    `keep`: where the replicas' directories go if something is to be complained of.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mmt-campaign-")))
        fleet = stack.enter_context(
            running_fleet(database, folder, replicas=size.replicas, workers=size.workers, exchange=exchange)
        )
        crowd = stack.enter_context(
            running_crowd(
                fleet, tokens=size.tokens, access_seconds=size.access_seconds, seed=size.seed, threads=size.threads
            )
        )
        scene = Scene(fleet, crowd, Deaths(fleet), random.Random(size.seed), stack)
        churn = Churn(crowd, CHURN_PAUSE)
        churn.start()
        happened = _run_faults(make(scene), cycles, crowd, progress)
        settling(scene)
        stuck = settle(crowd, patience=size.settle_seconds)
        verdict = _close(crowd, churn, scene.deaths, stuck)
        if keep is not None and verdict.complaints():
            shutil.copytree(
                folder, keep / f"{name}-{int(time.time())}", ignore=shutil.ignore_patterns("exchanger", "lock")
            )
    return Row(name, happened, verdict, time.monotonic() - began)


def _run_faults(fault: Fault, cycles: int, crowd: Crowd, progress: Callable[[int], None]) -> Counter[str]:
    """Return how often each thing has happened."""
    happened = Counter[str]()
    for number in range(cycles):
        happened[fault.cycle()] += 1
        progress(number + 1)
        if crowd.violations:
            break
    return happened


def _close(crowd: Crowd, churn: Churn, deaths: Deaths, stuck: Sequence[str]) -> Verdict:
    churn.check(everything=True)
    crowd.stopping.set()
    churn.join()
    return judge(crowd, deaths, stuck=stuck)
