"""The campaign of rolling restarts: every process is replaced over and over while all verbs are called.

`make campaign-rolls`. The exit status is 1 if a call that was accepted failed, or too many were not taken.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

from tests.campaign.results import commit
from tests.campaign.roll_callers import Tally, everybody
from tests.support.mariadb import private_mariadb
from tests.support.processes import children
from tests.support.service import Service, running_service
from tests.support.waiting import until

MOST_NEVER_TAKEN: Final = 0.01
"""The share of calls that gRPC's core may end without having begun them."""
ROLL_PATIENCE: Final = 120.0
BETWEEN: Final = 1.0
"""Seconds in which calls go on before the next roll."""


@dataclass
class Findings:
    """What so many rolls cost; `seconds` of each from the signal until the old processes were gone."""

    rolls: int
    tally: Tally = field(default_factory=Tally)
    seconds: list[float] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(self.tally.answered.values()) + len(self.tally.failed)

    def complaints(self) -> Sequence[str]:
        """All that must not be; empty if every promise was kept."""
        found = list(self.tally.failed)
        never_taken = sum(self.tally.never_taken.values())
        if never_taken > max(1, MOST_NEVER_TAKEN * self.calls):
            found.append(f"{never_taken} of {self.calls} calls were never taken")
        missing = {"Connect", "Resolve", "refresh", "Revoke", "CheckScope"} - self.tally.answered.keys()
        if missing:
            found.append(f"never answered: {', '.join(sorted(missing))}")
        return found


class Events:
    """The events of a log file, each looked at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8", errors="replace")
        self._rest = ""

    def seen(self, *names: str) -> set[str]:
        """Which of the names are among the events written since the last look."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        return {name for name in names for line in lines if f'"event":"{name}"' in line}

    def close(self) -> None:
        self._file.close()


def roll(service: Service, rolls: int, tell: Callable[[str], None] = lambda _: None) -> Findings:
    """Roll a service over so many times while everybody calls, and count."""
    callers, findings, told = everybody(service), Findings(rolls), 0
    with contextlib.closing(Events(service.dev.log_file)) as events:
        for caller in callers:
            caller.start()
        for number in range(rolls):
            time.sleep(BETWEEN)
            findings.seconds.append(_roll_once(service, events))
            so_far = reduce(add, (caller.tally for caller in callers))
            tell("\n".join([_line(number + 1, findings.seconds[-1], so_far), *so_far.failed[told:]]))
            told = len(so_far.failed)
        time.sleep(BETWEEN)
    for caller in callers:
        caller.stopping.set()
    for caller in callers:
        caller.join()
        findings.tally += caller.tally
    return findings


def _roll_once(service: Service, events: Events) -> float:
    supervisor = service.dev.process.pid
    before = children(supervisor)
    began = time.monotonic()
    os.kill(supervisor, signal.SIGHUP)
    ended = until(lambda: events.seen("roll_ended", "roll_failed"), "the roll ends", patience=ROLL_PATIENCE)
    assert ended == {"roll_ended"}
    old = {pid for title, pid in before.items() if title != "mmt: sandbox"}
    until(lambda: not old & set(children(supervisor).values()), "the old ones are gone", patience=ROLL_PATIENCE)
    return time.monotonic() - began


def _line(number: int, seconds: float, tally: Tally) -> str:
    counts = f"{sum(tally.answered.values()):,} calls, {sum(tally.never_taken.values())} never taken"
    return f"roll {number}: {seconds:.1f} s; so far {counts}, {len(tally.failed)} failed"


def report(findings: Findings) -> str:
    """Return what was found for people."""
    tally, seconds = findings.tally, sorted(findings.seconds)
    lines = [
        f"commit {commit()}: {findings.rolls} rolls",
        f"seconds for each: {seconds[len(seconds) // 2]:.1f} (median), {seconds[-1]:.1f} at most",
        *(f"{verb:>10}: {count:,} answered" for verb, count in sorted(tally.answered.items())),
        f"accepted calls that failed: {len(tally.failed)} of {findings.calls:,}",
        f"never taken, made again: {sum(tally.never_taken.values())} {dict(tally.never_taken)}",
        *tally.failed,
    ]
    return "\n".join(lines)


@contextlib.contextmanager
def running(database: str, connection_age: float) -> Iterator[Service]:
    """A service of two workers whose connections reconnect at that age, in seconds."""
    settings = {"MMT_WORKERS": "2", "MMT_MAX_CONNECTION_AGE": str(connection_age)}
    with contextlib.ExitStack() as stack:
        if database == "mariadb":
            server = stack.enter_context(private_mariadb())
            settings |= {"MMT_DATABASE_URL": server.fresh_database(), "MMT_LEDGER_URL": server.fresh_database()}
        yield stack.enter_context(running_service(**settings))


def main() -> None:
    """Roll as often as asked, and print what was found."""
    parser = argparse.ArgumentParser(prog="tests.campaign.rolls", description=__doc__)
    parser.add_argument("--rolls", type=int, default=200)
    parser.add_argument("--database", choices=["mariadb", "sqlite"], default="mariadb")
    parser.add_argument(
        "--connection-age", type=float, default=5.0, help="seconds; a roll waits for it, and the setting's 30 take long"
    )
    parser.add_argument("--results", type=Path, help="a file of JSON lines to append to")
    options = parser.parse_args()
    with running(options.database, options.connection_age) as service:
        findings = roll(service, options.rolls, say)
    say(report(findings))
    complaints = findings.complaints()
    if options.results is not None:
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {
            "at": moment,
            "commit": commit(),
            "rolls": findings.rolls,
            "answered": findings.tally.answered,
            "never_taken": findings.tally.never_taken,
            "complaints": list(complaints),
        }
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
    sys.exit("\n".join(complaints) or 0)


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
