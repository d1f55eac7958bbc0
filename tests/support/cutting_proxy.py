"""A loopback proxy in front of a database that cuts a connection at a chosen statement."""

import contextlib
import enum
import socket
import threading
from collections.abc import Iterator

CHUNK = 1 << 16
COMMAND_QUERY = b"\x03"
PACKET_HEADER = 4


class Cut(enum.Enum):
    """When a connection is cut."""

    BEFORE = "before the statement reaches the server"
    AFTER = "after the server has carried it out, before its answer leaves"


class CuttingProxy:
    """Forwards connections to a server's socket until `cut` is armed and its statement comes by."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed: tuple[Cut, bytes] | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.cuts = 0

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def arm(self, cut: Cut, statement: str) -> None:
        """Cut the next connection on which a query beginning with `statement` is sent."""
        self._armed = (cut, statement.encode())

    def drop_all(self) -> None:
        """Cut every connection, as a restart of the server does."""
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._upstream)
            self._open |= {client, server}
            for run, ends in ((self._up, (client, server)), (self._down, (server, client))):
                thread = threading.Thread(target=run, args=ends)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        # Shut down first: a close alone does not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_all()
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                cut = self._cut_for(data)
                if cut is Cut.BEFORE:
                    break
                if cut is Cut.AFTER:
                    # The way back is shut, so that the answer is swallowed; it comes when the statement is done.
                    client.shutdown(socket.SHUT_WR)
                server.sendall(data)
                if cut is Cut.AFTER:
                    break
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RD if end is client else socket.SHUT_WR)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK):
                client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _cut_for(self, data: bytes) -> Cut | None:
        if self._armed is None or not data[PACKET_HEADER:].startswith(COMMAND_QUERY + self._armed[1]):
            return None
        cut, _ = self._armed
        self._armed = None
        self.cuts += 1
        return cut


@contextlib.contextmanager
def cutting_proxy(upstream: str) -> Iterator[CuttingProxy]:
    """Run a proxy in front of a server's socket."""
    proxy = CuttingProxy(upstream)
    accepting = threading.Thread(target=proxy.serve)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy.close()
        accepting.join()
