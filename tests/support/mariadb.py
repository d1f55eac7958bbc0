"""A private MariaDB, one per test process."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.database_server import SMALL, DatabaseServer, drop_root, server_folder

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    """A MariaDB server; `fresh_database()` gives each test its own."""
    with private_mariadb() as server:
        yield server


@contextmanager
def private_mariadb(*options: str) -> Iterator[DatabaseServer]:
    """Run a MariaDB server of our own, gone at the end of the block."""
    with server_folder() as folder:
        data = folder / "d"
        install = [
            *drop_root(),
            _program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=16M",
        ]
        done = subprocess.run(install, capture_output=True, check=False, env=_environment(folder))
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace")[-4000:])
        server = DatabaseServer(
            folder,
            [
                *drop_root(),
                _program("mariadbd"),
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={folder}/s",
                f"--tmpdir={folder}",
                "--skip-networking",
                "--innodb-log-file-size=16M",
                *SMALL,
                *options,
            ],
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise RuntimeError(f"the tests need {name}: deploy/system-packages.sh installs it")
    return found


def _environment(folder: os.PathLike[str]) -> dict[str, str]:
    return {"PATH": _PATH, "HOME": str(folder), "TMPDIR": str(folder)}
