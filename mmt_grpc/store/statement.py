"""Running one statement through Peewee."""

from collections.abc import Mapping
from typing import Any, Final

from peewee import Database

Row = tuple[Any, ...]
"""What a driver gives: numbers, bytes, labels (see `columns.text`)."""

NO_PARAMETERS: Final[Mapping[str, object]] = {}


def execute(database: Database, sql: str, parameters: Mapping[str, object] = NO_PARAMETERS) -> Any:  # noqa: ANN401  # a driver's cursor
    """Return the cursor of a statement; errors are Peewee's, with the driver's inside."""
    return database.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]  # its stub names no types
