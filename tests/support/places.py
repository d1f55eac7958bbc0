"""Everything that a running installation leaves where somebody may look: files, tables, processes, metrics."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.database_server import DatabaseServer
from tests.support.dev import RunningDev
from tests.support.processes import children

NOT_SEARCHED = {"ready.json", "dev.json", "mmt.toml", "root.key", "sandbox.db", "sandbox.db-wal", "sandbox.db-shm"}
"""Files whose purpose is to hold secrets for their owner (mode 0600), and those of the sandbox, another company."""


def files(folder: Path) -> Mapping[str, bytes]:
    """Every file below a state directory, whatever it is for."""
    return {
        f"file {path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_SEARCHED
    }


def processes(pids: Iterable[int]) -> Mapping[str, bytes]:
    """Command lines and environments."""
    return {
        f"process {pid} {name}": Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in pids
        for name in ("cmdline", "environ")
    }


def family(dev: RunningDev) -> list[int]:
    """The process ids of an installation."""
    return [dev.process.pid, *children(dev.process.pid).values()]


def metrics(dev: RunningDev) -> Mapping[str, bytes]:
    """The metrics page; the log says where it is."""
    plain = re.sub(r"\x1b\[\d+m", "", dev.logs())
    address = re.findall(r'metrics_served.*?address"?[:=]"?([0-9.:]+)', plain)[-1]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return {"metrics": answer.read()}


def tables(server: DatabaseServer, *urls: str) -> Mapping[str, bytes]:
    """Every column of every row of databases on a server."""
    found = {}
    for url in urls:
        name = url.partition("?")[0].rpartition("/")[2]
        for (table,) in server.administrate(f"SHOW TABLES FROM {name}"):
            rows = server.administrate(f"SELECT * FROM {name}.{table}")  # noqa: S608  # the names are the server's own
            cells = (cell for row in rows for cell in row)
            found[f"table {name}.{table}"] = b"\0".join(
                cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells
            )
    return found


def leak_into_sqlite(database: Path, text: str) -> None:
    """Write a text into the database as a careless change would."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO event (id, shard, token_key, kind, generation, at, payload) VALUES (?, 0, ?, 'leak', 0, 0, ?)",
            (bytes(16), bytes(32), text),
        )
