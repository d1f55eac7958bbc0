"""A real `mmt dev` for tests: its own installation in its own directory, gone with the test."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.tree import BIN, ROOT

START_LIMIT = 60.0
STOP_LIMIT = 60.0
_PAUSE = 0.02


@dataclass(frozen=True, kw_only=True)
class RunningDev:
    """An installation that serves; what it serves at is what its ready file says.

    `api_keys` by `read` and `write`; `log_file` holds the standard error of all its processes.
    """

    process: subprocess.Popen[bytes]
    state_dir: Path
    ready_file: Path
    log_file: Path
    address: str
    client_id: str
    api_keys: Mapping[str, str]
    sandbox_url: str
    database_url: str
    audit_path: Path
    config: Path

    @property
    def database(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    def logs(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def control(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask the sandbox's `/control/<path>`: GET, or POST with a body."""
        url = f"{self.sandbox_url}/control/{path}"
        with httpx2.Client(trust_env=False, timeout=10) as client:
            answer = client.get(url) if body is None else client.post(url, json=dict(body))
        answered: dict[str, Any] = answer.raise_for_status().json()
        return answered

    def end(self) -> int:
        """Ask it to end and return its exit status; one that does not end is killed and fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"mmt dev did not end:\n{self.logs()[-4000:]}") from None


@contextlib.contextmanager
def running_dev(state_dir: Path | None = None, *, expect_exit: int | None = 0, **env: str) -> Iterator[RunningDev]:
    """Run `mmt dev` on a free port until the block ends, then end it by SIGTERM and expect that exit status.

    `state_dir`: none for a new one that is removed at the end; the same again is the same installation again. `env` is
    laid over the environment, whose own `MMT_…` do not reach it. `expect_exit` None: the test ends it in its own way.
    """
    with contextlib.ExitStack() as stack:
        if state_dir is None:
            state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mmt-dev-")))
        state_dir.mkdir(exist_ok=True)
        stack.callback(remove_sockets, state_dir)
        dev = _started(state_dir, env)
        try:
            yield dev
        except BaseException:
            dev.end()
            raise
        status = dev.end()
        assert expect_exit is None or status == expect_exit, f"mmt dev ended with {status}:\n{dev.logs()[-4000:]}"


@pytest.fixture(scope="session")
def shared_dev() -> Iterator[RunningDev]:
    """Give all tests of a process that import this fixture one installation; each uses end users of its own."""
    with running_dev() as dev:
        yield dev


def remove_sockets(state_dir: Path) -> None:
    """Remove the sockets of a supervisor that was killed, which the next one on its directory would have done."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree((state_dir / "sockets").read_text(encoding="utf-8"), ignore_errors=True)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without its `MMT_…`, and `env` over it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MMT_")} | dict(env)


def _started(state_dir: Path, env: Mapping[str, str]) -> RunningDev:
    ready_file, log_file = state_dir / "ready.json", state_dir / "dev.log"
    ready_file.unlink(missing_ok=True)
    command = [str(BIN / "mmt"), "dev", "--listen", "127.0.0.1:0"]
    command += ["--state-dir", str(state_dir), "--ready-file", str(ready_file)]
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        ready = _ready(process, ready_file, log_file)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return RunningDev(
        process=process,
        state_dir=state_dir,
        ready_file=ready_file,
        log_file=log_file,
        audit_path=Path(ready.pop("audit_path")),
        config=Path(ready.pop("config")),
        **ready,
    )


def _ready(process: subprocess.Popen[bytes], ready_file: Path, log_file: Path) -> dict[str, Any]:
    """Wait for the ready file, which is there whole or not at all."""
    give_up = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(FileNotFoundError):
            ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
            return ready
        time.sleep(_PAUSE)
    raise AssertionError(f"mmt dev does not serve:\n{log_file.read_text(errors='replace')[-4000:]}")
