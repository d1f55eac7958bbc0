"""The simulation from the command line: one seed with its trace, or a campaign of many."""

import argparse
import os
import sys
import time

from tests.simulation.campaign import campaign, report
from tests.simulation.run import run
from tests.simulation.system_calls import on_simulated_disks


def main() -> int:
    """Run what is asked for; 1 if a property did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one seed")
    parser.add_argument("--trace", action="store_true", help="print every step of it")
    parser.add_argument("--first", type=int, default=0, help="the campaign's first seed")
    parser.add_argument("--seeds", type=int, default=100_000, help="how many seeds the campaign runs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="on how many cores")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return _replay(arguments.seed, trace=arguments.trace)
    began = time.monotonic()
    total = campaign(first=arguments.first, seeds=arguments.seeds, jobs=arguments.jobs)
    command = f"python -m tests.simulation --first {arguments.first} --seeds {arguments.seeds}"
    print(report(total, seconds=time.monotonic() - began, command=command))  # noqa: T201  # what was asked for
    return 1 if total.violations else 0


def _replay(seed: int, *, trace: bool) -> int:
    lines: list[str] | None = [] if trace else None
    end = on_simulated_disks()
    try:
        result = run(seed, trace=lines, hashed=True)
    finally:
        end()
    ending = result.violation or f"every property held; {dict(result.endings)}"
    print("\n".join([*(lines or []), f"seed {seed}, trace {result.hash:08x}: {ending}"]))  # noqa: T201  # asked for
    return 1 if result.violation else 0


if __name__ == "__main__":
    sys.exit(main())
