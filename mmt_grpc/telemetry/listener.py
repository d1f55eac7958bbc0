"""The HTTP listener on which Prometheus finds the metrics of a whole replica."""

import http.server
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Self

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PATH: Final = "/metrics"
_REQUEST_TIMEOUT: Final = 5.0


class MetricsListener:
    """Answers GET /metrics with what `read` returns, and nothing else."""

    def __init__(self, *, host: str, port: int, read: Callable[[], bytes]) -> None:
        """Bind to an address, port 0 for any free one; `OSError` if it is taken."""
        self._server = _Server((host, port), _handler(read), ipv6=":" in host)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[http.server.BaseHTTPRequestHandler], *, ipv6: bool
    ) -> None:
        self.address_family = socket.AF_INET6 if ipv6 else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave out the traceback on standard error: a scraper that hung up is no event."""


def _handler(read: Callable[[], bytes]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT
        server_version = "mmt"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = read()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that its base gave it
            """Say nothing: it would quote what the peer sent."""

    return Handler
