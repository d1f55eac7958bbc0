"""The demonstration keeps its promises, says so when one is broken, and leaves nothing behind."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmt_grpc.app import demo
from mmt_grpc.app.demo_installation import DemoInstallation
from mmt_grpc.app.demo_sandbox import SandboxUsers
from mmt_grpc.cli.main import mmt
from mmt_grpc.domain.secret import Secret
from tests.support.dev import RunningDev, environment, running_dev
from tests.support.tree import BIN

PATIENCE = 60.0
SCENES = (
    "Connect Coinbase by an authorization code",
    "Connect Uphold by an authorization code",
    "Connect Binance by a login",
    "Connect MetaMask, a self-custody wallet",
    "The same user connects Coinbase again",
    "Another user connects Coinbase",
    "The same user connects Coinbase for writing",
    "Another client asks for the first client's token",
    "A write operation with a read-only token",
    "Resolve the expired Coinbase token",
    "20 callers find the expired Uphold token at once",
    "Resolve the expired Binance session",
    "The user logs in at Binance again",
    "Revoke the Coinbase token",
    "Revoke it again",
    "The user connects Coinbase once more",
    "Search database, ledger, spool, audit and log again",
    "End the service",
)


ENV = "/usr/bin/env"


def command(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `mmt demo` with a temporary directory of the test's own."""
    # Whoever runs the tests in the background may have them ignore an interrupt; a terminal's commands do not.
    return subprocess.Popen(
        [ENV, "--default-signal=INT", BIN / "mmt", "demo", *arguments],
        env=environment({"TMPDIR": str(tmp_path), "MMT_WORKERS": "the caller's own, of another installation"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_promise_is_kept_and_nothing_is_left_behind(tmp_path: Path) -> None:
    process = command(tmp_path, "--json")
    output, _ = process.communicate(timeout=PATIENCE)
    shown = json.loads(output)
    assert [step for step in shown["steps"] if not step["kept"]] == []
    assert (process.returncode, shown["kept"]) == (0, True)
    assert set(SCENES) <= {step["what"] for step in shown["steps"]}
    assert list(tmp_path.iterdir()) == []
    assert not re.search(r"[A-Za-z0-9_-]{37,}", output), "something as long as a secret was shown"


@dataclass
class FaultyProcess:
    """An installation of the test's, whose exchange does not do as it should."""

    dev: RunningDev

    def serving(self) -> DemoInstallation:
        self.dev.control("faults", {"integration": "coinbase", "account": "ada", "fault": "revoke_lies", "times": 99})
        return DemoInstallation(
            address=self.dev.address,
            write_key=Secret(self.dev.api_keys["write"]),
            read_key=Secret(self.dev.api_keys["read"]),
            exchange=SandboxUsers(self.dev.sandbox_url),
            config=self.dev.config,
            state_dir=self.dev.state_dir,
            audit_path=self.dev.audit_path,
        )

    def end(self) -> int:
        return self.dev.end()


def test_an_exchange_that_lies_about_revoking_breaks_a_promise_and_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def faulty() -> Iterator[FaultyProcess]:
        with running_dev() as dev:
            yield FaultyProcess(dev)

    monkeypatch.setattr(demo, "dev_process", faulty)
    result = CliRunner().invoke(mmt, ["demo"])
    assert result.exit_code == 1
    broken = [line for line in result.stdout.splitlines() if "│ ✗ │" in line]
    assert len(broken) == 2
    assert "Revoke the Coinbase token" in broken[0]
    assert "failed; the exchange lets it in" in broken[0]
    assert "Revoke everything else" in broken[1]
    assert "Not every promise was kept" in result.stdout


def until(found: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    give_up = time.monotonic() + PATIENCE
    while not found():
        assert process is None or process.poll() is None, "the demonstration has ended"
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)


def serves(tmp_path: Path) -> bool:
    return any(tmp_path.glob("mmt-demo-*/ready.json"))


def test_an_interrupted_demonstration_ends_what_it_started(tmp_path: Path) -> None:
    process = command(tmp_path)
    until(lambda: serves(tmp_path), process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_killed_demonstration_takes_its_installation_with_it(tmp_path: Path) -> None:
    process = command(tmp_path)
    until(lambda: serves(tmp_path), process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    (log,) = tmp_path.glob("mmt-demo-*/dev.log")
    until(lambda: '"event":"stopped"' in log.read_text())
    assert not serves(tmp_path)
