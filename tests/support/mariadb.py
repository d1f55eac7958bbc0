"""A private MariaDB, one per test process."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.database_server import SMALL, DatabaseServer, drop_root, server_folder

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_SMALL_LOG = "--innodb-log-file-size=16M"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    """A MariaDB server; `fresh_database()` gives each test its own."""
    with private_mariadb() as server:
        yield server


@contextmanager
def private_mariadb(*options: str) -> Iterator[DatabaseServer]:
    """Run a MariaDB server of our own, gone at the end of the block."""
    with server_folder() as folder:
        install(folder)
        server = DatabaseServer(folder, server_command(folder, *options))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def install(folder: Path) -> None:
    """Make the data of a new server in its folder."""
    arguments = [
        _program("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={folder / 'd'}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        _SMALL_LOG,
    ]
    _run(folder, arguments)


def copy_data(source: Path, folder: Path) -> None:
    """Copy the data of a server that does not run into another's folder."""
    _run(folder, [_program("cp"), "--archive", str(source / "d"), str(folder / "d")])


def server_command(folder: Path, *options: str, environment: Sequence[str] = ()) -> Sequence[str]:
    """Return what starts a server on the data in a folder; later options win. `environment`: `NAME=value`."""
    return [
        *drop_root(),
        *(["env", *environment] if environment else []),
        _program("mariadbd"),
        "--no-defaults",
        f"--datadir={folder / 'd'}",
        f"--socket={folder}/s",
        f"--tmpdir={folder}",
        "--skip-networking",
        _SMALL_LOG,
        *SMALL,
        *options,
    ]


def _run(folder: Path, arguments: Sequence[str]) -> None:
    environment = {"PATH": _PATH, "HOME": str(folder), "TMPDIR": str(folder)}
    done = subprocess.run([*drop_root(), *arguments], capture_output=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-4000:])


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise RuntimeError(f"the tests need {name}: deploy/system-packages.sh installs it")
    return found
