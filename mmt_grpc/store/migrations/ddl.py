"""Creating tables, columns and indexes so that a step which was cut off halfway can be run again."""

from collections.abc import Sequence
from typing import Any

import peewee

from mmt_grpc.store.statement import execute


def create_table(database: peewee.Database, model: type[peewee.Model], settings: Sequence[str]) -> None:
    """Create a model's table with `settings` behind its columns, and its indexes, where they are missing.

    A server commits each of these by itself, and has no CREATE INDEX IF NOT EXISTS.
    """
    bound = _bound(database, model, settings)
    peewee.SchemaManager(bound).create_table(safe=True)
    _create_indexes(database, bound)


def add_columns(database: peewee.Database, model: type[peewee.Model]) -> None:
    """Add a model's columns to the table that it names, in one ALTER where a server can, and their indexes.

    Those that are there already are left as they are.
    """
    bound = _bound(database, model, ())
    table = _options(model).table_name
    present = {column.name for column in database.get_columns(table)}
    missing = [field for field in _options(bound).sorted_fields if field.column_name not in present]
    additions = [_addition(database, field) for field in missing]
    # SQLite takes one column at a time.
    for together in [[addition] for addition in additions] if database.param == "?" else [additions]:
        if together:
            execute(database, f"ALTER TABLE {table} {', '.join(together)}")
    _create_indexes(database, bound)


def _bound(database: peewee.Database, model: type[peewee.Model], settings: Sequence[str]) -> type[peewee.Model]:
    # What stands behind the columns is of the model's Meta too, and differs by database.
    contents = {"database": database, "table_name": _options(model).table_name, "table_settings": tuple(settings)}
    return type(model.__name__, (model,), {"Meta": type("Meta", (), contents), "__doc__": model.__doc__})


def _options(model: type[peewee.Model]) -> Any:  # noqa: ANN401  # Peewee's, untyped
    return model._meta  # noqa: SLF001  # Peewee's documented place of a model's options


def _addition(database: peewee.Database, field: Any) -> str:  # noqa: ANN401  # a field of Peewee's, bound
    context: Any = database.get_sql_context()
    sql, _ = context.sql(field.ddl(context)).query()
    return f"ADD COLUMN {sql}"


def _create_indexes(database: peewee.Database, bound: type[peewee.Model]) -> None:
    options = _options(bound)
    present = {tuple(index.columns) for index in database.get_indexes(options.table_name)}
    for index in options.fields_to_index():
        columns = tuple(field.column_name for field in index._expressions)  # noqa: SLF001  # has no accessor
        if columns not in present:
            database.execute(index.safe(False), scope=peewee.SCOPE_VALUES)  # type: ignore[no-untyped-call]  # as its stub
