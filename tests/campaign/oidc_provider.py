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
_INSTALLED = ROOT / "build" / "oidc"
_NODE = "node_modules/node-linux-*/bin/node"
"""A Node.js of its own, pinned beside it, where the system's is older than what it runs on."""


class NotInstalledError(Exception):
    """It cannot be installed here; the text says what is missing."""


def install() -> Path:
    """Install it if it is not installed, and return the Node.js that runs it; raises `NotInstalledError`."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotInstalledError(f"oidc-provider needs {program}, and there is none: deploy/system-packages.sh")
    done = subprocess.run([_HERE / "install.sh"], check=False)
    node = next(_INSTALLED.glob(_NODE), None) or shutil.which("node")
    if done.returncode or node is None:
        raise NotInstalledError("npm could not install oidc-provider and the Node.js that it runs on")
    return Path(node)


def oidc_exchange(stack: ExitStack) -> Exchange:
    """Install it if it is not installed, and run it until the stack is closed."""
    node = install()
    port = _free_port()
    server = stack.enter_context(
        subprocess.Popen([node, "server.mjs", str(port)], cwd=_INSTALLED, stdout=subprocess.DEVNULL)
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
