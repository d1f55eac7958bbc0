"""A campaign's rows: printed as a table, and appended to a file of JSON lines."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.verdict import Verdict
from tests.support.tree import git

_COLUMNS = (
    "fault",
    "cycles",
    "rotations",
    "lost",
    "explained",
    "caught",
    "unheard",
    "wrong tokens",
    "seconds",
    "commit",
)


@dataclass(frozen=True)
class Row:
    """One stage: how often each of its faults has happened, and what that cost; `seconds` it took in all."""

    fault: str
    happened: Mapping[str, int]
    verdict: Verdict
    seconds: float

    @property
    def cycles(self) -> int:
        return sum(self.happened.values())

    def cells(self) -> tuple[str, ...]:
        verdict = self.verdict
        losses = (verdict.lost, verdict.explained, verdict.caught, verdict.unheard)
        counts = (self.cycles, verdict.rotations, *losses, verdict.wrong_tokens)
        return (self.fault, *(f"{count:,}" for count in counts), f"{self.seconds:,.0f}", commit())


def commit() -> str:
    """The commit that was measured; a `+` says that files differ from it."""
    head = git("rev-parse", "--short", "HEAD").stdout.strip()
    return head + ("+" if git("status", "--porcelain", "mmt_grpc").stdout.strip() else "")


def table(rows: list[Row]) -> str:
    """The rows as a table for people."""
    lines = [_COLUMNS, tuple("-" * len(name) for name in _COLUMNS), *(row.cells() for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def happened(row: Row) -> str:
    """What has happened, and how often, as a line for people."""
    return ", ".join(f"{count:,} x {kind}" for kind, count in sorted(row.happened.items()))


def append(path: Path, row: Row) -> None:
    """Add a row to a file of JSON lines."""
    moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    record = {
        "at": moment,
        "commit": commit(),
        "fault": row.fault,
        "cycles": row.cycles,
        "happened": dict(row.happened),
        "seconds": round(row.seconds, 1),
        **dataclasses.asdict(row.verdict),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
