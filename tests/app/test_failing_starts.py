"""A start that fails says what is wrong and by which setting, and leaves nothing new behind."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dev import RunningDev, environment, remove_sockets, running_dev
from tests.support.service import ended
from tests.support.tree import BIN, ROOT
from tests.support.waiting import until


@pytest.fixture
def stopped(tmp_path: Path) -> RunningDev:
    """An installation that has run and has ended; its settings are kept."""
    kept = tmp_path / "kept.toml"
    with running_dev(tmp_path / "dev") as dev:
        shutil.copy(dev.config, kept)
    shutil.copy(kept, dev.config)
    return dev


@contextlib.contextmanager
def starting(dev: RunningDev, log_file: Path) -> Iterator[None]:
    """Have a replica try to start on an installation, until the block ends."""
    arguments = ("--config", dev.config, "serve", "--state-dir", dev.state_dir, "--listen", "127.0.0.1:0")
    command = [str(BIN / "mmt"), *map(str, arguments)]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment({}), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()
        remove_sockets(dev.state_dir)


def events(log_file: Path, event: str, process: str) -> list[str]:
    lines = log_file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if f'"event":"{event}","process":"{process}' in line]


def test_no_process_that_finds_no_database_begins_an_audit_file(stopped: RunningDev, tmp_path: Path) -> None:
    before = sorted(path.name for path in stopped.audit_path.iterdir())
    assert before
    stopped.database.rename(tmp_path / "away.db")
    stopped.database.mkdir()
    log_file = tmp_path / "serve.log"

    with starting(stopped, log_file):
        until(lambda: events(log_file, "cannot_start", "exchanger"), "the exchanger cannot start")
        until(lambda: events(log_file, "cannot_start", "worker-"), "a worker cannot start")

    assert sorted(path.name for path in stopped.audit_path.iterdir()) == before
    assert not events(log_file, "audit_file_opened", "")
    (first, *_) = events(log_file, "store_unreachable", "exchanger")
    assert f'"store":"database","place":"{stopped.database}","kind":"OperationalError","number":14' in first


def test_a_replica_says_at_its_start_by_which_id_others_name_it(stopped: RunningDev) -> None:
    owner = (stopped.state_dir / "lock").read_bytes().hex()

    (line,) = events(stopped.log_file, "replica_started", "supervisor")

    assert f'"replica":"{owner}"' in line


def test_a_taken_address_of_the_metrics_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = ended("dev", "--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "dev"), MMT_METRICS_LISTEN=address)

    assert done.returncode == 1
    assert f"mmt: metrics_listen: cannot listen on {address}: Address already in use" in done.stderr
