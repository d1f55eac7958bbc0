"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click

from mmt_grpc.domain.model import MICROSECONDS

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def moment(microseconds: int) -> str:
    """Return a time as people read it, in UTC."""
    return datetime.fromtimestamp(microseconds // MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def timestamp(microseconds: int | None) -> str | None:
    """Return a time as programs read it, RFC 3339 in UTC; None stays None."""
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, MICROSECONDS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool, empty: str) -> None:
    """Print rows of the same columns; `empty` is said where there are none."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows]))
        return
    if not rows:
        click.echo(empty)
        return
    # Imported only where a table is shown: it costs every command some time.
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    Console().print(table)


def show_one(row: Mapping[str, object], *, as_json: bool) -> None:
    """Print one row, a line a column."""
    if as_json:
        click.echo(json.dumps(dict(row)))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {'-' if value is None else value}")
