"""The expiry campaign: 10,000 tokens that expire in the same minute: `make campaign-expiry`.

Everybody is connected, then nothing happens for some minutes (quiet), then all tokens are refreshed ahead of their
expiry (the storm), then it is quiet again. Callers resolve at the same rate all the while. Several hundred tokens of
Uphold end in one minute, too, of which its limit lets a few be refreshed. The exit status is 1 if any promise was
broken.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.campaign.expiry_exchange import COINBASE, UPHOLD
from tests.campaign.expiry_machine import Cores, Reading, cores, read
from tests.campaign.expiry_measures import SAMPLE, Burst, Window
from tests.campaign.expiry_stage import Size, Stage, running_stage
from tests.campaign.expiry_verdict import (
    MOST_SLOWED,
    Budget,
    Callers,
    Storm,
    judge_budget,
    judge_callers,
    judge_storm,
    latencies,
)
from tests.campaign.expiry_watch import Latency
from tests.campaign.results import commit
from tests.support.mariadb import private_mariadb

_SHORTEST_QUIET = 60.0
"""Seconds of quiet that there must be before the storm."""
_END_OF_STORM = 5.0
_AFTER_THE_END = 20.0
_LAST_MINUTE = 60.0
"""What Resolve asks for by default: within it, calls for tokens that could not be refreshed ask for a refresh."""
_EVERY = 30.0


@dataclass(frozen=True)
class Findings:
    """All that one run found."""

    storm: Storm
    budget: Budget
    callers: Callers
    latencies: Sequence[Latency]
    cores: Sequence[Cores]

    @property
    def slowed(self) -> tuple[float, float]:
        """By which factors the storm slowed the median and the 99th percentile."""
        quiet, storm = (next(one for one in self.latencies if one.phase == phase) for phase in ("quiet", "storm"))
        return storm.p50 / quiet.p50, storm.p99 / quiet.p99

    def complaints(self) -> Sequence[str]:
        """All that must not be; empty if every promise was kept."""
        found = [*self.storm.complaints(), *self.budget.complaints(), *self.callers.complaints()]
        for name, factor in zip(("p50", "p99"), self.slowed, strict=True):
            if not factor <= MOST_SLOWED:
                found.append(f"the storm slowed Resolve's {name} by {factor:.2f}")
        return found


def main() -> None:
    """Run it once and print what was found."""
    options = _arguments()
    size = Size(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Size)})
    with (
        private_mariadb("--innodb-buffer-pool-size=256M") as database,
        tempfile.TemporaryDirectory() as folder,
        running_stage(database, Path(folder), size) as stage,
    ):
        findings = run(stage, options.sample, say)
    say(report(findings))
    complaints = findings.complaints()
    if options.results is not None:
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {"at": moment, "commit": commit(), "size": dataclasses.asdict(size), **dataclasses.asdict(findings)}
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**record, "complaints": list(complaints)}) + "\n")
    sys.exit("\n".join(complaints) or 0)


def run(stage: Stage, sample: float, tell: Callable[[str], None]) -> Findings:
    """Connect everybody, watch the quiet, the storm and the quiet after it, and judge."""
    stage.connect(tell)
    window, uphold_ends_at = stage.window(COINBASE), stage.groups[UPHOLD][0].ends_at
    plan = stage.plan(COINBASE)
    began = time.monotonic()
    storm = Window(window.begins_at, window.ends_at + _END_OF_STORM)
    end = max(storm.ends_at + _LAST_MINUTE, uphold_ends_at + _AFTER_THE_END)
    if window.begins_at < began + _SHORTEST_QUIET:
        sys.exit("connecting took so long that there is no quiet before the storm: give the tokens a longer life")
    if end > stage.groups[COINBASE][0].ends_at:
        sys.exit("tokens that are refreshed early would be due again within the run: let Uphold's end sooner")
    quiet = Window(began, storm.begins_at), Window(storm.ends_at, min(end, uphold_ends_at - _LAST_MINUTE))
    borders = {"quiet": storm.begins_at, "storm": storm.ends_at, "quiet again": quiet[1].ends_at}
    with stage.watching() as watch:
        readings = [read(), *(_wait(stage, name, border, tell) for name, border in borders.items())]
        _wait(stage, "Uphold's end", end, tell)
    phases = {"quiet before": quiet[:1], "storm": [storm], "quiet after": quiet[1:], "quiet": quiet}
    return Findings(
        judge_storm(stage, window, plan, sample),
        judge_budget(stage),
        judge_callers(stage, watch.answers),
        latencies(watch.answers, phases),
        [cores(name, [pair]) for name, pair in zip(phases, pairwise(readings), strict=False)],
    )


def _wait(stage: Stage, name: str, ends_at: float, tell: Callable[[str], None]) -> Reading:
    while (left := ends_at - time.monotonic()) > 0:
        done = len(stage.refreshes(COINBASE)), len(stage.refreshes(UPHOLD))
        tell(f"{name}: {left:.0f} s more, {done[0]:,} refreshes at Coinbase, {done[1]} at Uphold")
        time.sleep(min(left, _EVERY))
    return read()


def report(findings: Findings) -> str:
    """Return what was found for people."""
    storm, budget, callers = findings.storm, findings.budget, findings.callers
    p50, p99 = findings.slowed
    lags = f"p50 {storm.lag_p50:.2f} s, p99 {storm.lag_p99:.2f} s, at most {storm.lag_most:.2f} s"
    windows = f"at most {budget.most} in any {budget.seconds} s, {budget.limit} allowed"
    lines = [
        f"commit {commit()}",
        f"{storm.tokens:,} tokens, spread over {storm.window_seconds:.1f} s",
        _burst("planned", storm.planned),
        _burst("sent", storm.sent),
        f"behind the plan: {lags}",
        f"not refreshed exactly once: {storm.not_once}; too late: {storm.too_late}",
        f"most requests for one user of Coinbase: {storm.most_of_one_user}",
        f"Uphold: {budget.requests} requests for {budget.tokens} tokens; {windows}; refused: {dict(budget.refused)}",
        f"{callers.calls:,} Resolves; wrong or expired tokens: {dict(callers.wrong)}",
        f"refused while alive: {dict(callers.unserved)}; after their end: {dict(callers.ended)}",
    ]
    times = [
        f"{one.phase}: {one.calls:,} calls, p50 {one.p50:.2f} ms, p99 {one.p99:.2f} ms" for one in findings.latencies
    ]
    times += [
        f"{one.phase}: {one.everybody:.2f} of {one.machine} cores busy, {one.ours:.2f} by us" for one in findings.cores
    ]
    return "\n".join([*lines, *times, f"the storm slowed p50 by {p50:.2f}, p99 by {p99:.2f}"])


def _burst(what: str, found: Burst) -> str:
    return (
        f"{what}, at most {found.most} in any {found.interval:.2f} s, {found.ratio:.2f} x the mean of {found.mean:.0f}"
    )


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201  # a command line prints


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for field in dataclasses.fields(Size):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    parser.add_argument("--sample", type=float, default=SAMPLE, help="refreshes in the mean interval of the burst")
    parser.add_argument("--results", type=Path, help="a file of JSON lines to which a line is added")
    return parser.parse_args()


if __name__ == "__main__":
    main()
