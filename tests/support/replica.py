"""A real `mmt serve` for tests: another replica of an installation, or one in production mode."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.dev import START_LIMIT, STOP_LIMIT, environment, remove_sockets
from tests.support.tree import BIN, ROOT

_PAUSE = 0.02


@dataclass(frozen=True, kw_only=True)
class Replica:
    """A replica that serves."""

    process: subprocess.Popen[bytes]
    address: str
    audit_path: Path
    state_dir: Path
    log_file: Path

    def logs(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Ask it to end and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT)


@contextlib.contextmanager
def running_serve(config: Path, state_dir: Path, *arguments: str, **env: str) -> Iterator[Replica]:
    """Run `mmt serve` on a free port until the block ends, and expect it to have drained."""
    state_dir.mkdir(exist_ok=True, mode=0o700)
    ready_file, log_file = state_dir / "ready.json", state_dir / "serve.log"
    options: list[str | Path] = ["--state-dir", state_dir, "--ready-file", ready_file]
    listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
    command: list[str | Path] = [BIN / "mmt", "--config", config, "serve", *options, *listen, *arguments]
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        ready = _ready(process, ready_file, log_file)
        replica = Replica(
            process=process,
            address=ready["address"],
            audit_path=Path(ready["audit_path"]),
            state_dir=state_dir,
            log_file=log_file,
        )
        yield replica
        assert replica.end() == 0, replica.logs()[-4000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        remove_sockets(state_dir)


def _ready(process: subprocess.Popen[bytes], ready_file: Path, log_file: Path) -> dict[str, str]:
    give_up = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(FileNotFoundError):
            ready: dict[str, str] = json.loads(ready_file.read_text(encoding="utf-8"))
            return ready
        time.sleep(_PAUSE)
    raise AssertionError(f"mmt serve does not serve:\n{log_file.read_text(errors='replace')[-4000:]}")
