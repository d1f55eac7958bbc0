"""The composition root of the sandbox exchange, as a child of `mmt dev` and as a command of its own."""

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from mmt_grpc.app import process
from mmt_grpc.app.child import Orders, join_line
from mmt_grpc.sandbox.server import SandboxServer
from mmt_grpc.telemetry.process import set_title


def serve_sandbox(*, host: str, port: int, mode: str, state_file: Path | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or an interrupt; `ready` is told the base URL. Raises `SandboxRefusedError`, `OSError`."""
    set_title("mmt: sandbox")
    stop = threading.Event()
    process.stop_on_signals(stop.set, is_alone=True)
    with SandboxServer(host=host, port=port, mode=mode, state_file=state_file) as server:
        ready(server.base_url)
        stop.wait()


def main(arguments: list[str]) -> None:
    """Run as a child of the supervisor."""
    line = join_line(arguments, signal.SIGKILL)
    message = line.receive()
    set_title("mmt: sandbox")
    stop = threading.Event()
    process.stop_on_signals(stop.set)
    Orders(line, {}, gone=stop.set).start()
    clients = {name: (pair[0], pair[1]) for name, pair in message["clients"].items()}
    server = SandboxServer(
        port=message["port"], mode=message["mode"], state_file=Path(message["state_file"]), clients=clients
    )
    with server:
        line.send("ready")
        stop.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
