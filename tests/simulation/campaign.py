"""Many seeds on all cores: progress meanwhile, then what struck and what became of it, and a line of results."""

import gc
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.run import Result, run
from tests.simulation.system_calls import on_simulated_disks

CHUNK: Final = 100
MOST_SHOWN: Final = 20
SECONDS_PER_LINE: Final = 10.0


@dataclass
class Total:
    """All runs together."""

    runs: int = 0
    steps: int = 0
    posts: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Add a run."""
        self.runs += 1
        self.steps += result.steps
        self.posts += result.posts
        self.accepted += result.accepted
        self.struck += result.struck
        self.endings += result.endings
        if result.violation is not None:
            self.violations.append((result.seed, result.violation))


def some(seeds: tuple[int, int]) -> list[Result]:
    """Run the seeds from the first to before the second."""
    end = on_simulated_disks()
    # A run's tasks and their world are one large cycle; looking for it often costs more than it gives back.
    gc.set_threshold(50_000)
    try:
        return [run(seed) for seed in range(*seeds)]
    finally:
        end()


def campaign(*, first: int, seeds: int, jobs: int) -> Total:
    """Run seeds on `jobs` cores and say how far it is."""
    total, began, said = Total(), time.monotonic(), time.monotonic()
    for results in _results(first, seeds, jobs):
        for result in results:
            total.add(result)
        if time.monotonic() - said >= SECONDS_PER_LINE or total.runs == seeds:
            said = time.monotonic()
            speed = total.runs / (said - began)
            left = (seeds - total.runs) / speed
            line = f"{total.runs}/{seeds} runs, {speed:.0f}/s, {left:.0f} s left, {len(total.violations)} violations"
            print(line, file=sys.stderr, flush=True)  # noqa: T201  # the campaign's progress
    return total


def _results(first: int, seeds: int, jobs: int) -> Iterator[list[Result]]:
    last = first + seeds
    chunks = [(start, min(start + CHUNK, last)) for start in range(first, last, CHUNK)]
    if jobs == 1:
        yield from map(some, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(some, chunks)


def report(total: Total, *, seconds: float, command: str) -> str:
    """Return the summary, whose last line is the one for the results."""
    lines = [f"{total.runs} runs, {total.steps} steps, {total.posts} POSTs in {seconds:.0f} s"]
    for title, counts in (("struck", total.struck), ("second POSTs", total.accepted), ("ended", total.endings)):
        lines += [f"{title}:", *(f"  {count:8} {name}" for name, count in counts.most_common())]
    lines += [f"VIOLATION in seed {seed}: {what}" for seed, what in total.violations[:MOST_SHOWN]]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    lines.append(
        f"results: {date} {_commit()} `{command}`: {total.runs} runs, {len(total.violations)} violations, "
        f"{total.runs / seconds:.0f} runs/s on {os.cpu_count()} cores"
    )
    return "\n".join(lines)


def _commit() -> str:
    asked = subprocess.run(  # fixed words
        ("git", "rev-parse", "--short", "HEAD"),  # noqa: S607  # whichever git there is
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"
