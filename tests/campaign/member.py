"""One replica of a fleet: an `mmt serve` that is killed and started again on the same directory and address."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.dev import START_LIMIT, STOP_LIMIT, environment, remove_sockets
from tests.support.processes import is_running, title
from tests.support.tree import BIN, ROOT
from tests.support.waiting import until

EXCHANGER = "mmt: exchanger"
_ENDS_WITH_US = ("setpriv", "--pdeathsig=KILL")
_TICKS = os.sysconf("SC_CLK_TCK")


def children(parent: int) -> Mapping[str, int]:
    """The process ids of a supervisor's children, by title; empty if it is gone."""
    try:
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    except OSError:
        return {}
    return {title(int(pid)): int(pid) for pid in listed}


def age(pid: int) -> float:
    """Seconds since a process began; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0.0
    return uptime - int(fields[19]) / _TICKS


@dataclass
class Member:
    """A replica; `number` is its door at the notary. `config` is the installation's, `env` laid over it."""

    number: int
    state_dir: Path
    config: Path
    env: Mapping[str, str]
    address: str = "127.0.0.1:0"
    process: subprocess.Popen[bytes] | None = None
    supervisor: int = 0
    deaths: list[float] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return self.state_dir / "spool"

    @property
    def log_file(self) -> Path:
        return self.state_dir.with_suffix(".log")

    def launch(self) -> None:
        """Start it, without waiting until it serves."""
        self.state_dir.mkdir(exist_ok=True, mode=0o700)
        self.ready_file.unlink(missing_ok=True)
        options: list[str | Path] = ["--listen", self.address, "--state-dir", self.state_dir]
        command: list[str | Path] = [BIN / "mmt", "--config", self.config, "serve", *options]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*_ENDS_WITH_US, *command, "--ready-file", self.ready_file],
                cwd=ROOT,
                env=environment(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.supervisor = self.process.pid

    def logged(self) -> int:
        """How many bytes it has logged; for `has_logged`."""
        return self.log_file.stat().st_size

    def has_logged(self, event: str, *, since: int) -> bool:
        """Whether it has logged an event after so many bytes."""
        with self.log_file.open("rb") as log:
            log.seek(since)
            return f'"event":"{event}"'.encode() in log.read()

    @property
    def ready_file(self) -> Path:
        return self.state_dir.with_suffix(".ready")

    def await_ready(self, patience: float = START_LIMIT) -> None:
        """Wait until it serves; what it serves at stays its address."""

        def served() -> bool:
            assert self.process is None or self.process.poll() is None, self.tail()
            with contextlib.suppress(FileNotFoundError):
                self.address = json.loads(self.ready_file.read_text(encoding="utf-8"))["address"]
                return True
            return False

        until(served, f"replica {self.number} serves", patience=patience)

    def workers(self, settled: float = 0.0) -> list[int]:
        """The workers that run for at least so many seconds."""
        running = children(self.supervisor)
        return [pid for name, pid in running.items() if name.startswith("mmt: worker") and age(pid) >= settled]

    def exchanger(self, settled: float = 0.0) -> int | None:
        """The exchanger, if it runs for so long."""
        pid = children(self.supervisor).get(EXCHANGER)
        return pid if pid is not None and age(pid) >= settled else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.supervisor, number)

    def kill(self) -> None:
        """Kill the supervisor; wait until its children have followed it."""
        below = list(children(self.supervisor).values())
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(STOP_LIMIT)
        until(lambda: not any(is_running(pid) for pid in below), "the children follow their supervisor")

    def end(self) -> int:
        """Ask it to end and return its exit status; one that does not end is killed."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"replica {self.number} did not end:\n{self.tail()}") from None
        finally:
            remove_sockets(self.state_dir)

    def lose_disk(self) -> None:
        """Remove the state directory of a replica that will not come back."""
        remove_sockets(self.state_dir)
        shutil.rmtree(self.state_dir, ignore_errors=True)

    def tail(self) -> str:
        """The end of its log."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")[-4000:]


def kill_process(pid: int) -> float:
    """Kill one process and wait until it is gone; return when, by the monotonic clock."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid), "a killed process ends")
    return time.monotonic()
