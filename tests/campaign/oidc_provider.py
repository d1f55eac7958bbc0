"""An exchange made of npm's oidc-provider, whose rotation and reuse detection nobody here wrote."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx2

from tests.campaign.exchange import Exchange
from tests.support.tree import ROOT
from tests.support.waiting import until

NAME = "oidc"
_HERE = Path(__file__).parent / "oidc"
_OLDEST_NODE = 20


def missing() -> str | None:
    """What this machine lacks to run it, in words; None for nothing."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return "oidc-provider needs Node.js with npm, and there is none"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < _OLDEST_NODE:
        return f"oidc-provider needs Node.js {_OLDEST_NODE} or later, and this is {version.strip()}"
    return None


def oidc_exchange(stack: ExitStack) -> Exchange:
    """Install it if it is not installed, and run it until the stack is closed."""
    subprocess.run([_HERE / "install.sh"], check=True)
    node = shutil.which("node")
    assert node is not None, missing()
    port = _free_port()
    server = stack.enter_context(
        subprocess.Popen([node, "server.mjs", str(port)], cwd=ROOT / "build" / "oidc", stdout=subprocess.DEVNULL)
    )
    stack.callback(server.kill)
    exchange = Exchange(NAME, f"http://127.0.0.1:{port}", "/token", _settings)

    def serves() -> bool:
        assert server.poll() is None, "oidc-provider does not start"
        try:
            return exchange.books() == {}
        except httpx2.TransportError:
            return False

    until(serves, "oidc-provider serves")
    return exchange


def _settings(base: str) -> Mapping[str, str]:
    table = {
        "TOKEN_URL": f"{base}/token",
        "REVOKE_URL": f"{base}/token/revocation",
        "ACCOUNT_URL": f"{base}/me",
        "ACCOUNT_FIELD": "sub",
        "CLIENT_ID": "sandbox-oidc",
        "CLIENT_SECRET": "sandbox-oidc-secret",
        "READ_SCOPES": "openid",
        "WRITE_SCOPES": "openid",
        "ROTATION": "strict",
    }
    return {f"MMT_PROVIDERS__{NAME.upper()}__{field}": value for field, value in table.items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
