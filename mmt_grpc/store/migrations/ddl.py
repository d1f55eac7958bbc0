"""Creating tables and indexes so that a step which was cut off halfway can be run again."""

from collections.abc import Sequence
from typing import Any

import peewee


def create_table(database: peewee.Database, model: type[peewee.Model], settings: Sequence[str]) -> None:
    """Create a model's table with `settings` behind its columns, and its indexes, where they are missing.

    A server commits each of these by itself, and has no CREATE INDEX IF NOT EXISTS.
    """
    options: Any = model._meta  # noqa: SLF001  # Peewee's documented place of a model's options
    meta = type(
        "Meta",
        (),
        {"database": database, "table_name": options.table_name, "table_settings": tuple(settings)},
    )
    # What stands behind the columns is of the model's Meta too, and differs by database.
    bound: Any = type(model.__name__, (model,), {"Meta": meta, "__doc__": model.__doc__})
    peewee.SchemaManager(bound).create_table(safe=True)
    present = {tuple(index.columns) for index in database.get_indexes(options.table_name)}
    for index in bound._meta.fields_to_index():  # noqa: SLF001  # as above
        columns = tuple(field.column_name for field in index._expressions)  # noqa: SLF001  # has no accessor
        if columns not in present:
            database.execute(index.safe(False), scope=peewee.SCOPE_VALUES)  # type: ignore[no-untyped-call]  # as its stub
