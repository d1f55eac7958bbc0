"""The installation that the demonstration shows: a real `mmt dev` in a directory of its own, gone afterwards."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mmt_grpc.app.administration import Administration, RefusedError, opened
from mmt_grpc.app.demo_sandbox import SandboxUsers
from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.transport.client import Target, TokenClient

START_LIMIT: Final = 30.0
STOP_LIMIT: Final = 60.0
_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoInstallation:
    """A running installation: how to call it, its exchange, and where its files are."""

    address: str
    write_key: Secret
    read_key: Secret
    exchange: SandboxUsers
    config: Path
    state_dir: Path
    audit_path: Path

    def client(self, api_key: Secret) -> TokenClient:
        """Return a client of the service with an API key."""
        return TokenClient(target=Target(address=self.address), api_key=api_key)

    @contextlib.contextmanager
    def administration(self) -> Iterator[Administration]:
        """Open the installation as `mmt clients`, `mmt api-keys` and the like do."""
        with opened(load(self.config, {}, purpose=Purpose.ADMINISTER)) as administration:
            yield administration


class DevProcess:
    """The processes of `mmt dev`; its own end is theirs."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._ready_file = state_dir / "ready.json"
        self._log = state_dir / "dev.log"
        # The caller's own settings are another installation's.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MMT_")}
        arguments = [str(os.getpid()), str(state_dir), str(self._ready_file)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-P", "-m", "mmt_grpc.app.demo_dev", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def serving(self) -> DemoInstallation:
        """Wait until it serves; `RefusedError` if it does not."""
        give_up = time.monotonic() + START_LIMIT
        while self._process.poll() is None and time.monotonic() < give_up:
            with contextlib.suppress(FileNotFoundError):
                return self._installation(json.loads(self._ready_file.read_text(encoding="utf-8")))
            time.sleep(_PAUSE)
        raise RefusedError(f"mmt dev does not serve:\n{self._log.read_text(encoding='utf-8', errors='replace')}")

    def end(self) -> int:
        """End it in order and return its exit status, which is 0 if everything was drained."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _installation(self, ready: dict[str, Any]) -> DemoInstallation:
        return DemoInstallation(
            address=ready["address"],
            write_key=Secret(ready["api_keys"]["write"]),
            read_key=Secret(ready["api_keys"]["read"]),
            exchange=SandboxUsers(ready["sandbox_url"]),
            config=Path(ready["config"]),
            state_dir=self._state_dir,
            audit_path=Path(ready["audit_path"]),
        )


@contextlib.contextmanager
def dev_process() -> Iterator[DevProcess]:
    """Start `mmt dev` in a new directory; both are gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="mmt-demo-") as directory:
        process = DevProcess(Path(directory))
        try:
            yield process
        finally:
            process.end()
