"""A private MySQL from the folder that MMT_TEST_MYSQL_ROOT names, one per test process."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.database_server import SMALL, DatabaseServer, drop_root, server_folder

ROOT_VARIABLE = "MMT_TEST_MYSQL_ROOT"


@pytest.fixture(scope="session")
def mysql() -> Iterator[DatabaseServer]:
    """A MySQL server; `fresh_database()` gives each test its own."""
    program = Path(os.environ[ROOT_VARIABLE]) / "mysqld"
    with server_folder() as folder:
        data = folder / "d"
        initialise = [*drop_root(), str(program), "--no-defaults", "--initialize-insecure", f"--datadir={data}"]
        done = subprocess.run(initialise, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace")[-4000:])
        server = DatabaseServer(
            folder,
            [
                *drop_root(),
                str(program),
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={folder}/s",
                f"--tmpdir={folder}",
                f"--pid-file={folder}/p",
                "--skip-networking",
                "--skip-log-bin",
                *SMALL,
            ],
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
