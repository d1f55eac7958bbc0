"""Runs the numbered steps that a database has not had yet.

Peewee's own runner keeps its history in a table with AUTO_INCREMENT and executes whatever files a directory holds; this
one needs neither, repeats a step that was cut off, and refuses a schema that it does not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import peewee

from mmt_grpc.store.dialect import Dialect
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.migrations import (
    m0001_tables,
    m0002_settlement,
    m0003_budgets,
    m0004_due_by_integration,
)
from mmt_grpc.store.migrations.ddl import add_columns, create_table
from mmt_grpc.store.migrations.fields import Number
from mmt_grpc.store.refusals import NewerSchemaError
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import execute


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step works; `partitions` of `token` by shard, None for none."""

    database: peewee.Database
    dialect: Dialect
    partitions: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step; `apply` may be run again after it was cut off."""

    number: int
    apply: Callable[[Target], None]


class SchemaMigration(peewee.Model):
    """The history: which steps this database has had, and when."""

    number = Number(primary_key=True)
    applied_at = Number()

    class Meta:
        table_name = "schema_migration"


def _first_tables(target: Target) -> None:
    for model in m0001_tables.TABLES:
        partitions = target.partitions if model is m0001_tables.PARTITIONED else None
        create_table(target.database, model, target.dialect.table_settings(partitions=partitions))


def _settlement(target: Target) -> None:
    for model in m0002_settlement.ADDITIONS:
        add_columns(target.database, model)
    execute(target.database, m0002_settlement.CONDEMNED_BEFORE.replace("{now}", target.dialect.clock))


def _budgets(target: Target) -> None:
    for model in m0003_budgets.ADDITIONS:
        add_columns(target.database, model)


def _due_by_integration(target: Target) -> None:
    for model in m0004_due_by_integration.ADDITIONS:
        add_columns(target.database, model)


STEPS: Final[Sequence[Step]] = (
    Step(1, _first_tables),
    Step(2, _settlement),
    Step(3, _budgets),
    Step(4, _due_by_integration),
)
LATEST: Final = STEPS[-1].number

_RECORD: Final = "INSERT INTO schema_migration (number, applied_at) VALUES (:number, {now})"
_NEWEST: Final = "SELECT MAX(number) FROM schema_migration"
_INSTALLED: Final = "UPDATE installation SET schema_number = :schema_number WHERE schema_number < :schema_number"


def schema_number(execution: Execution) -> int:
    """Return the number of the newest step that the database has had, 0 for an empty database."""

    def work(session: Session) -> int:
        with session.raw() as database:
            is_there = database.table_exists("schema_migration")
        row = session.row(_NEWEST) if is_there else None
        return int(row[0] or 0) if row is not None else 0

    return execution.read(work)


def migrate(
    execution: Execution, dialect: Dialect, *, partitions: int | None = None, steps: Sequence[Step] = STEPS
) -> Sequence[int]:
    """Run the missing steps; return their numbers. To be run once, by one process.

    Raises `NewerSchemaError` if a newer version has been here.
    """
    present = schema_number(execution)
    if present > steps[-1].number:
        raise NewerSchemaError
    missing = [step for step in steps if step.number > present]
    for step in missing:
        execution.write(_runner(step, dialect, partitions))
    return [step.number for step in missing]


def _runner(step: Step, dialect: Dialect, partitions: int | None) -> Callable[[Session], None]:
    """Return the work of a step: one transaction in SQLite; a server commits each CREATE by itself."""

    def work(session: Session) -> None:
        with session.raw() as database:
            create_table(database, SchemaMigration, dialect.table_settings(partitions=None))
            step.apply(Target(database, dialect, partitions))
        session.change(_INSTALLED, schema_number=step.number)
        try:
            session.change(_RECORD, number=step.number)
        except DuplicateError:  # somebody else ran the same step, which is what was wanted
            return

    return work
