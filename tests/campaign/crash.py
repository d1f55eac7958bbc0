"""The crash campaign: `python -m tests.campaign.crash --workers 10000 --exchangers 2000 …`; `make campaign-crash`.
With `--oidc` the exchange is oidc-provider (`make campaign-oidc`).

First a naive refresher is killed in the same way and must lose tokens. Then each stage runs on a fleet of its own, and
its losses are counted from the exchange's books. The exit status is 1 if any promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaign.exchange import sandbox_exchange
from tests.campaign.failover_pair import failover_pair
from tests.campaign.machine_faults import movable_clock, needs_a_movable_clock
from tests.campaign.naive import NaiveOutcome, run_naive
from tests.campaign.notary import Notary
from tests.campaign.oidc_provider import NotInstalledError, install, oidc_exchange
from tests.campaign.results import Row, append, happened, table
from tests.campaign.stage import Size, run_stage
from tests.campaign.stages import ENOUGH, HAPPENS, MOST_LOST, ON_A_PAIR, STAGES
from tests.support.database_server import Database, DatabaseServer
from tests.support.dev import running_dev
from tests.support.mariadb import private_mariadb

_EVERY = 10.0


def main() -> None:
    """Run the stages that have cycles."""
    options = _arguments()
    if options.oidc:
        try:
            install()
        except NotInstalledError as error:
            sys.exit(str(error))
    if options.together:
        needs_a_movable_clock()
    with private_mariadb() as database:
        naive = naive_first(database, kills=options.naive, seed=options.seed)
        _say(f"naive: {naive.kills} kills, {naive.rotations:,} rotations, {naive.lost} lost")
        if not naive.lost:
            sys.exit("the naive way has lost nothing: a zero would mean nothing")
        rows = [_stage(name, database, options) for name in STAGES if getattr(options, name)]
    _say(table([row for row, _ in rows]))
    complaints = [f"{row.fault}: {sentence}" for row, found in rows for sentence in found]
    sys.exit("\n".join(complaints) or 0)


def naive_first(database: DatabaseServer, *, kills: int, seed: int) -> NaiveOutcome:
    """Kill the naive way so often."""
    with tempfile.TemporaryDirectory() as folder, Notary() as notary, running_dev(Path(folder) / "dev") as dev:
        notary.forward_to(dev.sandbox_url)
        exchange = sandbox_exchange(dev.sandbox_url, "coinbase")
        return run_naive(database, exchange, notary, tokens=100, kills=kills, seed=seed)


@contextlib.contextmanager
def _database_of(name: str, single: DatabaseServer) -> Iterator[Database]:
    """What a stage runs on: the single server, or a pair of its own."""
    if name not in ON_A_PAIR:
        yield single
        return
    with failover_pair(environment=movable_clock if name == "together" else lambda _: ()) as pair:
        yield pair


def _stage(name: str, single: DatabaseServer, options: argparse.Namespace) -> tuple[Row, list[str]]:
    cycles: int = getattr(options, name)
    size = Size(
        replicas=options.replicas,
        workers=options.workers_each,
        tokens=options.tokens,
        access_seconds=options.access_seconds,
        threads=options.threads,
        seed=options.seed,
    )
    with _database_of(name, single) as database:
        row = run_stage(
            name,
            cycles,
            database,
            size,
            STAGES[name],
            exchange=oidc_exchange if options.oidc else None,
            progress=_progress(name, cycles),
            keep=options.keep,
        )
    found = list(row.verdict.complaints())
    found += [f"no {kind}" for kind in sorted(_missing(row))]
    if row.verdict.lost > MOST_LOST.get(name, row.verdict.lost):
        found.append(f"{row.verdict.lost} are lost where none may be")
    _say(f"{table([row])}\n  {happened(row)}" + "".join(f"\n  {sentence}" for sentence in found[:_MOST_SAID]))
    if options.results is not None:
        append(options.results, row)
    return row, found


_MOST_SAID = 20


def _missing(row: Row) -> frozenset[str]:
    """What should have happened in so many cycles and has not: what was kept proves nothing about it."""
    return HAPPENS.get(row.fault, frozenset()) - set(row.happened) if row.cycles >= ENOUGH else frozenset()


def _progress(name: str, cycles: int) -> Callable[[int], None]:
    began = last = time.monotonic()

    def progress(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _EVERY or done == cycles:
            last = now
            left = (now - began) / done * (cycles - done)
            _say(f"{name}: {done:,} of {cycles:,}, about {left / 60:.0f} min more")

    return progress


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a command line prints


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in STAGES:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"cycles of the stage {name}")
    parser.add_argument("--naive", type=int, default=10, help="kills of the naive way, which must lose something")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--workers-each", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--access-seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a file of JSON lines to which a line is added for each stage")
    parser.add_argument("--oidc", action="store_true", help="against npm's oidc-provider instead of the sandbox")
    parser.add_argument("--keep", type=Path, help="a folder for the replicas' directories where a promise was broken")
    return parser.parse_args()


if __name__ == "__main__":
    main()
