"""What the scheduler asks of the database costs what is found, not what is stored."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import peewee
import pytest

from mmt_grpc.domain.token_row import Connection, TokenRow
from mmt_grpc.store import session
from mmt_grpc.store.columns import text
from mmt_grpc.store.statement import NO_PARAMETERS, execute
from tests.store.backends import PARTITIONS, Database
from tests.store.conftest import MYSQL
from tests.store.doubting import in_doubt
from tests.store.material import DAY, OWNER, Tokens, connect, connection, lease

SERVERS = pytest.mark.parametrize("opened", ["mariadb", "mariadb-partitioned", MYSQL], indirect=True)
SQLITE = pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
CROWD = 1000
"""Rows at a time: so often a server repeats a recursion of its own accord."""
RANDOM_KEYS = {"token_key", "identity_key"}
FOUND = 3

Asking = Callable[[Tokens], object]
QUESTIONS: Mapping[str, Asking] = {
    "token_integration_next_refresh_at": lambda tokens: tokens.due("coinbase", 10),
    "token_condemned_at": lambda tokens: tokens.erase_renewals(-DAY, 10),
    "token_lease_owner": lambda tokens: tokens.named(OWNER),
}


@dataclass
class Watched:
    """The plans of the SELECTs that were run on `token`, and how many rows they made the server read."""

    indexes: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    reads: int = 0

    def execute(
        self, database: peewee.Database, sql: str, parameters: Mapping[str, object] = NO_PARAMETERS
    ) -> Any:  # a driver's cursor
        if not sql.startswith("SELECT") or "FROM token" not in sql:
            return execute(database, sql, parameters)
        plan = execute(database, f"EXPLAIN FORMAT=TRADITIONAL {sql}", parameters)
        names = [column[0] for column in plan.description]
        for row in (dict(zip(names, values, strict=True)) for values in plan.fetchall()):
            if row["table"] in ("token", b"token"):
                self.indexes.add(text(row["key"] or ""))
                self.kinds.add(text(row["type"]))
        before = reads(database)
        cursor = execute(database, sql, parameters)
        self.reads += reads(database) - before
        return cursor


def reads(database: peewee.Database) -> int:
    """Return how many rows and index entries this session has read so far."""
    counters = execute(database, "SHOW SESSION STATUS LIKE 'Handler_read%%'").fetchall()
    return sum(int(value) for _, value in counters)


def watch(opened: Database, monkeypatch: pytest.MonkeyPatch, asking: Asking) -> Watched:
    watched = Watched()
    with monkeypatch.context() as patched:
        patched.setattr(session, "execute", watched.execute)
        asking(opened.backend().tokens)
    return watched


def crowd(opened: Database, template: TokenRow, times: int) -> None:
    """Store that many thousand rows more, alike but for their keys."""
    columns = column_names(opened)
    values = ", ".join("RANDOM_BYTES(32)" if name in RANDOM_KEYS else name for name in columns)
    opened.query("DROP TABLE IF EXISTS template")
    key = template.binding.token_key.hex()
    opened.query(f"CREATE TABLE template AS SELECT * FROM token WHERE token_key = X'{key}'")  # noqa: S608  # a literal
    try:
        for _ in range(times):
            opened.query(
                f"INSERT INTO token ({', '.join(columns)}) "  # noqa: S608  # names of the schema
                f"WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < {CROWD}) "
                f"SELECT {values} FROM template, n"
            )
    finally:
        opened.query("DROP TABLE template")
    opened.query("ANALYZE TABLE token")


def column_names(opened: Database) -> Sequence[str]:
    rows = opened.query(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = 'token' ORDER BY ordinal_position"
    )
    return [name.decode() if isinstance(name, bytes) else str(name) for (name,) in rows]


@SERVERS
def test_rows_are_found_by_index_and_reads_do_not_grow_with_the_table(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = opened.backend().tokens
    resting = connect(tokens)
    for _ in range(FOUND):
        connect(tokens, replace(connection(), next_refresh_at=tokens.now() - 1))
        in_doubt(tokens)
        condemned = connect(tokens)
        tokens.condemn(condemned, attempt_id=lease(tokens, condemned))
    # What is erased once is not found again: the others are asked first, at both sizes of the table.
    costs: dict[str, list[int]] = {index: [] for index in QUESTIONS if index != "token_condemned_at"}
    for times in (2, 4):
        crowd(opened, resting, times)
        for index, asked in costs.items():
            watched = watch(opened, monkeypatch, QUESTIONS[index])
            assert index in watched.indexes
            assert watched.kinds <= {"range", "ref"}
            asked.append(watched.reads)

    erased = watch(opened, monkeypatch, QUESTIONS["token_condemned_at"])

    assert erased.indexes == {"token_condemned_at"}
    for small, large in costs.values():
        assert 0 < large <= small < CROWD


@SQLITE
@pytest.mark.parametrize(
    ("index", "asking"),
    [
        *QUESTIONS.items(),
        (
            "token_integration_next_refresh_at (integration=? AND next_refresh_at<?)",
            QUESTIONS["token_integration_next_refresh_at"],
        ),
        ("token_integration_next_refresh_at (integration>?)", lambda tokens: tokens.integrations()),
    ],
)
def test_rows_are_found_by_index_in_sqlite(
    opened: Database, monkeypatch: pytest.MonkeyPatch, index: str, asking: Asking
) -> None:
    plans: list[str] = []

    def explaining(database: peewee.Database, sql: str, parameters: Mapping[str, object] = NO_PARAMETERS) -> Any:
        if sql.startswith("SELECT") and "FROM token" in sql:
            plans.extend(row[3] for row in execute(database, f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall())
        return execute(database, sql, parameters)

    monkeypatch.setattr(session, "execute", explaining)
    asking(opened.backend().tokens)

    on_tokens = [plan for plan in plans if "token" in plan]
    assert any(index in plan for plan in on_tokens)
    assert all(re.match("SEARCH token USING (COVERING )?INDEX", plan) for plan in on_tokens)


@SERVERS
def test_reading_the_whole_table_would_be_noticed(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = opened.backend().tokens
    crowd(opened, connect(tokens, replace(connection(), next_refresh_at=tokens.now() - 1)), 2)

    watched = watch(opened, monkeypatch, lambda rows: rows.due("coinbase", 2 * CROWD))

    assert watched.reads >= 2 * CROWD


@SERVERS
def test_what_piles_up_at_one_integration_is_not_read_for_another(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = opened.backend().tokens
    due_before = tokens.now() - 1
    mine = {connect(tokens, due_at("coinbase", due_before)).binding.token_key for _ in range(FOUND)}
    found: list[bytes] = []

    def ask(rows: Tokens) -> None:
        found.extend(row.binding.token_key for row in rows.due("coinbase", 10))

    alone = watch(opened, monkeypatch, ask).reads
    # Those of the closed one are due before and after, so that no order of theirs helps.
    for at in (due_before - DAY, due_before):
        crowd(opened, connect(tokens, due_at("uphold", at)), 2)

    watched = watch(opened, monkeypatch, ask)

    assert set(found) == mine
    assert watched.indexes == {"token_integration_next_refresh_at"}
    assert watched.reads <= alone + 2 * PARTITIONS


@SERVERS
def test_the_integrations_that_have_rows_are_counted_without_reading_them(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = opened.backend().tokens
    for name in ("uphold", "coinbase"):
        crowd(opened, connect(tokens, due_at(name, None)), 2)

    watched = watch(opened, monkeypatch, lambda rows: rows.integrations())

    assert list(tokens.integrations()) == ["coinbase", "uphold"]
    assert watched.indexes == {"token_integration_next_refresh_at"}
    assert watched.reads <= 10 * PARTITIONS


def due_at(integration: str, next_refresh_at: int | None) -> Connection:
    made = connection()
    return replace(made, binding=replace(made.binding, integration=integration), next_refresh_at=next_refresh_at)
