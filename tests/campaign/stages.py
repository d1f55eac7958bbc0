"""The stages of the crash campaign, by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping

from tests.campaign.failover_pair import FailoverPair
from tests.campaign.failovers import Failovers
from tests.campaign.faults import DatabaseFaults, ExchangerKills, Fault, SupervisorKills, WorkerKills
from tests.campaign.machine_faults import (
    ClockJumps,
    FullDisk,
    Together,
    lose_for_good,
    move_clock_by,
    needs_a_movable_clock,
    small_disk,
    stand_still,
)
from tests.campaign.stage import Scene


def workers(scene: Scene) -> Fault:
    return WorkerKills(scene.fleet, scene.chance)


def exchangers(scene: Scene) -> Fault:
    return ExchangerKills(scene.fleet, scene.chance, scene.deaths)


def supervisors(scene: Scene) -> Fault:
    return SupervisorKills(scene.fleet, scene.chance, scene.deaths)


def databases(scene: Scene) -> Fault:
    """What a single server may do, and on a pair a failover every third time."""
    alone = DatabaseFaults(scene.fleet, scene.chance)
    if not isinstance(scene.fleet.database, FailoverPair):
        return alone
    return Together([alone.cycle, alone.cycle, failovers(scene).cycle], scene.chance)


def failovers(scene: Scene) -> Fault:
    pair = scene.fleet.database
    assert isinstance(pair, FailoverPair), "a single server has nobody to take over from it"
    return Failovers(scene.fleet, pair, scene.chance)


def everything(scene: Scene) -> Fault:
    """All faults, chosen by chance, on a fleet of which one replica has a small disk of its own below its spool."""
    needs_a_movable_clock()
    kinds = [make(scene).cycle for make in (workers, exchangers, supervisors, databases)]
    kinds += [_full_disk(scene).cycle, ClockJumps(scene.fleet.database, scene.chance).cycle]
    scene.stack.callback(move_clock_by, scene.fleet.database, 0)
    return Together(kinds, scene.chance)


def _full_disk(scene: Scene) -> FullDisk:
    try:
        disk = scene.stack.enter_context(small_disk(scene.fleet.folder / "small"))
    except subprocess.CalledProcessError:
        raise SystemExit("this stage mounts a small disk: it needs the right to (root)") from None
    # The audit log is elsewhere: on the same disk it would refuse every attempt before the spool is asked.
    member = scene.fleet.add(disk, audit_path=scene.fleet.folder / "small-audit")
    member.await_ready()
    scene.fleet.members.append(member)
    scene.stack.callback(member.kill)
    return FullDisk(scene.fleet, member, scene.chance)


class Holders:
    """First a holder that stands still past its lease, then a replica that is gone for good; and so on in turn."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._number = 0

    def cycle(self) -> str:
        self._number += 1
        fleet = self._scene.fleet
        if self._number % 2:
            assert stand_still(fleet, fleet.members[-1]), "nothing was under way"
            return "holder stopped past its lease"
        lose_for_good(fleet, fleet.members[-1], self._scene.deaths)
        newcomer = fleet.add()
        newcomer.await_ready()
        fleet.members.append(newcomer)
        return "replica lost for good"


def a_minute_passes(scene: Scene) -> None:
    """Let the minute pass at once for which what is in doubt is left alone: the clock that counts is in the rows."""
    scene.fleet.query("UPDATE token SET not_before = not_before - 60000000 WHERE not_before IS NOT NULL")


STAGES: Mapping[str, Callable[[Scene], Fault]] = {
    "workers": workers,
    "exchangers": exchangers,
    "supervisors": supervisors,
    "databases": databases,
    "failovers": failovers,
    "together": everything,
    "holders": Holders,
}
ON_A_PAIR = frozenset({"databases", "failovers", "together"})
"""Those whose database has a replica that takes over."""
MOST_LOST: Mapping[str, int] = {"workers": 0, "databases": 0, "failovers": 0}
"""Where nothing at all may be lost, explained or not."""
_OF_THE_DATABASE = frozenset(
    {f"database {kind}" for kind in ("killed", "frozen", "read-only", "restarted")}
    | {f"failover, {kind}" for kind in ("killed", "frozen", "planned")}
)
_OF_ALL = _OF_THE_DATABASE | {"worker killed", "exchanger killed", "supervisor killed", "disk full", "clock jumped"}
HAPPENS: Mapping[str, frozenset[str]] = {"databases": _OF_THE_DATABASE, "together": _OF_ALL}
"""What a stage of `ENOUGH` cycles must have seen."""
ENOUGH = 150
