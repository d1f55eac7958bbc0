"""What docs/sandbox.md shows works."""

import re
import subprocess
from pathlib import Path
from typing import Any

from mmt_grpc.sandbox import SandboxServer
from mmt_grpc.sandbox.faults import FaultName

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_every_shell_block_runs(sandbox: SandboxServer) -> None:
    environment = {"SANDBOX": sandbox.base_url, "PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "127.0.0.1"}
    script = ["bash", "-eu", "-o", "pipefail", "-c", blocks("sh")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_python_block_runs() -> None:
    names: dict[str, Any] = {}

    exec(compile(blocks("python"), "docs/sandbox.md", "exec"), names)  # noqa: S102  # our own documentation

    assert set(names["tables"]) == {"coinbase", "uphold", "binance", "acme"}
    assert names["tables"]["acme"]["token_url"] == f"{names['sandbox'].base_url}/acme/oauth2/token"


def test_every_fault_is_documented() -> None:
    assert set(re.findall(r"^\| `([a-z_]+)` \| (?:yes|no)", TEXT, re.MULTILINE)) == set(FaultName)
