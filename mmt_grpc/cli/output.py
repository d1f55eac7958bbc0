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
    lines = [[name.replace("_", " ") for name in rows[0]], *([_told(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        # Nothing is cut or folded to the width of the terminal: ids are there to be copied.
        click.echo("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())


def show_one(row: Mapping[str, object], *, as_json: bool) -> None:
    """Print one row, a line a column."""
    if as_json:
        click.echo(json.dumps(dict(row)))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_told(value)}")


def _told(value: object) -> str:
    """Return a value as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
