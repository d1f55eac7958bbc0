"""A private database server: own folder, own socket, own user, gone with the tests that started it."""

import contextlib
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pymysql

PASSWORD = "only-for-tests"
START_LIMIT = 60.0
STOP_LIMIT = 30.0
SMALL = (
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=1",
    "--performance-schema=OFF",
    "--max-connections=200",
    "--skip-name-resolve",
)
_NAMES = itertools.count()


class Database(Protocol):
    """What a campaign does to a database, be it one server or a pair of which one takes over from the other."""

    @property
    def folder(self) -> Path: ...

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...

    def administrate(self, *statements: str) -> Sequence[tuple[object, ...]]: ...

    def fresh_database(self) -> str: ...


@dataclass
class DatabaseServer:
    """A running server; `command` starts it again after `kill`."""

    folder: Path
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> str:
        return str(self.folder / "s")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        give_up = time.monotonic() + START_LIMIT
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-4000:])
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
            return bool(probe.recv(1))

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_LIMIT)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.kill()

    def administrate(self, *statements: str) -> Sequence[tuple[object, ...]]:
        """Run statements as the server's administrator; return the rows of the last."""
        connection = pymysql.connect(unix_socket=self.socket, user="root", ssl_disabled=True, autocommit=True)
        rows: Sequence[tuple[object, ...]] = ()
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall()
        return rows

    def fresh_database(self) -> str:
        """Make an empty database, whose default character set would fold everything, and return its URL."""
        name = f"mmt_{next(_NAMES)}"
        self.administrate(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            f"CREATE USER IF NOT EXISTS mmt@localhost IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON {name}.* TO mmt@localhost",
        )
        return self.url(name)

    def url(self, database: str) -> str:
        return url_through(self.socket, database)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self.administrate(f"DROP DATABASE IF EXISTS {name}")


def url_through(path: str, database: str) -> str:
    """Return the URL of a database behind a socket."""
    return f"mysql://mmt:{PASSWORD}@localhost/{database}?unix_socket={path}"


def drop_root() -> Sequence[str]:
    """Return what runs a command as nobody if root runs the tests, and ends it with the tests in any case."""
    ends = ["setpriv", "--pdeathsig=KILL"]
    if os.geteuid() != 0:
        return ends
    nobody = pwd.getpwnam("nobody")
    return [*ends, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


@contextlib.contextmanager
def server_folder() -> Iterator[Path]:
    """Make a folder with a path short enough for a socket, owned by whom the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="mmt-db-"))
    try:
        yield _given_away(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def own_folder(folder: Path) -> Path:
    """Make a folder in one of these, for one of several servers; return it."""
    folder.mkdir(mode=0o700)
    return _given_away(folder)


def _given_away(folder: Path) -> Path:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder
