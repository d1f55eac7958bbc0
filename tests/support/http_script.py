"""An HTTP server that does exactly what a test says, on real sockets, and remembers what it was sent."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

Act = Callable[[socket.socket], None]
"""What happens on one connection once the whole request has been read."""

_END_OF_HEAD: Final = b"\r\n\r\n"


class ScriptedServer:
    """Serves one act per connection, in order, then the last one for ever; each connection in a thread of its own."""

    def __init__(
        self,
        *acts: Act,
        tls: ssl.SSLContext | None = None,
        reads: bool = True,
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        """`reads` False: the act happens at once, before anything was read."""
        self._acts = list(acts)
        self._tls = tls
        self._reads = reads
        self._listener = socket.create_server(address)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.acted = threading.Event()
        """Set whenever an act is over and its connection closed."""

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Wakes the thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client may have been first
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()

    def heads(self) -> Sequence[Mapping[str, str]]:
        """Return the header fields of each request, by lower-case name, the request line under `""`."""
        parsed = []
        for request in self.requests:
            line, *fields = request.split(_END_OF_HEAD)[0].decode("ascii").split("\r\n")
            parsed.append({"": line, **{name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}})
        return parsed

    def bodies(self) -> Sequence[bytes]:
        """Return the body of each request."""
        return [request.split(_END_OF_HEAD, 1)[1] for request in self.requests]

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
            self._start(lambda raw=raw, act=act: self._connection(raw, act))  # type: ignore[misc]  # bound defaults

    def _connection(self, raw: socket.socket, act: Act) -> None:
        # What the client does to the connection is what the tests are about: no error of it is one of theirs.
        with contextlib.suppress(OSError), contextlib.closing(raw):
            sock = raw if self._tls is None else self._tls.wrap_socket(raw, server_side=True)
            with contextlib.closing(sock):
                with self._lock:
                    self._open.append(sock)
                if not self._reads or self._read(sock):
                    act(sock)
        self.acted.set()

    def _read(self, sock: socket.socket) -> bool:
        got = b""
        while _END_OF_HEAD not in got or len(got.split(_END_OF_HEAD, 1)[1]) < _length(got):
            data = sock.recv(65536)
            if not data:
                return False
            got += data
        self.requests.append(got)
        return True


def _length(request: bytes) -> int:
    for line in request.split(_END_OF_HEAD)[0].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def says(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Act:
    """Answer with a JSON body, or with bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items())]
    return writes("\r\n".join(lines).encode() + _END_OF_HEAD + content)


def writes(data: bytes) -> Act:
    """Write bytes and hang up."""
    return lambda sock: sock.sendall(data)


def resets(sock: socket.socket) -> None:
    """Break the connection off."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_up(_sock: socket.socket) -> None:
    """Close without a word."""


def is_silent(sock: socket.socket) -> None:
    """Say nothing until the client goes, whatever it sends."""
    while sock.recv(65536):
        continue


def drips(start: bytes, drop: bytes = b" ", *, pause: float = 0.01) -> Act:
    """Write `start`, then a drop every `pause` seconds until the client goes."""

    def act(sock: socket.socket) -> None:
        sock.sendall(start)
        while True:
            threading.Event().wait(pause)
            sock.sendall(drop)

    return act
