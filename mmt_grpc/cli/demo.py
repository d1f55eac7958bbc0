"""`mmt demo`: a table of what is done, what was promised and what came."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import click
from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmt_grpc.cli.output import as_json

if TYPE_CHECKING:
    from mmt_grpc.app.demo_stage import Step

BROKEN: Final = 1
WIDTH: Final = 150
NARROW: Final = 100
"""Columns below which a terminal gets neither borders nor times: reasons need the room."""
REASON: Final = len("required_scope=SCOPE_WRITE")
"""What must stand in one line to be read: REAUTHENTICATION_REQUIRED is as long, but for one."""
MARGINS: Final = 11
"""What a narrow table spends between and beside its three columns of text, the mark included."""
LEAST: Final = 12
LINES_A_ROW: Final = 4
"""What a row takes at most on a narrow terminal, about."""


@click.command()
@as_json
def demo(*, as_json: bool) -> None:
    """Show the whole life of tokens against the sandbox exchange; exits 1 if anything differs from the promise.

    It starts an installation of its own in a temporary directory, and removes it at the end.
    """
    from mmt_grpc.app.demo import demonstrate

    if as_json:
        gathering = Gathering()
        kept = demonstrate(gathering)
        click.echo(json.dumps({"kept": kept, "steps": gathering.steps}))
    else:
        # A file or a pipe has no width of its own, and folds nothing for its reader.
        console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
        with Showing(console) as showing:
            kept = demonstrate(showing)
        console.print("[bold green]Every promise was kept." if kept else "[bold red]Not every promise was kept: see ✗.")
    sys.exit(0 if kept else BROKEN)


@dataclass
class Gathering:
    """An `Audience` for programs."""

    steps: list[dict[str, object]] = field(default_factory=list)

    def begins(self, what: str) -> None:
        """Wait for what comes."""

    def sees(self, step: "Step") -> None:
        """Keep a step."""
        self.steps.append(
            {
                "what": step.what,
                "promised": step.promised,
                "came": step.came.text,
                "kept": step.came.kept,
                "milliseconds": round(step.milliseconds),
            }
        )


class Showing:
    """An `Audience` of people: while it plays the newest rows and what is being done, at the end the whole table."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[tuple[str | Text, ...]] = []
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._console.print(self._table(self._rows))

    def begins(self, what: str) -> None:
        """Say what is being done."""
        table = self._table(self._rows[-max(1, self._console.height // LINES_A_ROW) :])
        table.caption = f"{what} …"
        self._live.update(table, refresh=True)

    def sees(self, step: "Step") -> None:
        """Add a row."""
        mark = Text("✓", "bold green") if step.came.kept else Text("✗", "bold red")
        self._rows.append((step.what, step.promised, Text(step.came.text), mark, f"{step.milliseconds:,.0f}"))

    def _table(self, rows: Sequence[tuple[str | Text, ...]]) -> Table:
        narrow = self._console.width < NARROW
        lines = SIMPLE_HEAD if narrow else HEAVY_HEAD
        table = Table(
            title="Managed Tokens",
            title_style="bold",
            caption_justify="left",
            box=lines,
            show_edge=not narrow,
            pad_edge=not narrow,
        )
        left = max(LEAST, self._console.width - 2 * REASON - MARGINS) if narrow else None
        table.add_column("what is done", style="cyan", overflow="fold", max_width=left)
        table.add_column("what was promised", overflow="fold", min_width=REASON)
        table.add_column("what came", overflow="fold", min_width=REASON)
        table.add_column("", justify="center")
        if not narrow:
            table.add_column("ms", justify="right", style="dim")
        for row in rows:
            table.add_row(*row[: len(table.columns)])
        return table


COMMANDS: Final = (demo,)
