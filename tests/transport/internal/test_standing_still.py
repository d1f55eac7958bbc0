"""An exchanger that stands still: nobody waits for it longer than the call has, however full its socket is."""

import array
import fcntl
import socket
import struct
import tempfile
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmt_grpc.domain.errors import ExchangerUnreachableError
from mmt_grpc.domain.model import AuthorizationCode
from mmt_grpc.domain.ports.exchanger import CallContext
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.internal.client import InternalExchanger
from tests.transport.internal.wired import KEY, PATIENCE, SECRET, order

CALLS = 32
SHORT = 500_000
BODY = 16_384
SETTINGS, WINDOW_UPDATE = 4, 8
A_LOT = 2**31 - 1


def frame(kind: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame of the connection itself."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, 0]) + bytes(4) + payload


@dataclass
class Still:
    """Greets whoever connects, lets them send as much as they like, and reads none of it."""

    listener: socket.socket
    lines: list[socket.socket] = field(default_factory=list)

    def run(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.lines.append(line)
            initial_window = struct.pack(">HI", 4, A_LOT)
            line.sendall(frame(SETTINGS, initial_window) + frame(WINDOW_UPDATE, struct.pack(">I", 2**30)))

    def unread(self) -> int:
        """Return how many bytes wait to be read."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self.lines[0], termios.FIONREAD, waiting)
        return waiting[0]


@contextmanager
def still_exchanger() -> Iterator[tuple[Still, InternalExchanger]]:
    with tempfile.TemporaryDirectory(prefix="mmt-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/x")
        listener.listen()
        still = Still(listener)
        thread = threading.Thread(target=still.run)
        thread.start()
        try:
            with closing(InternalExchanger(socket_path=str(Path(folder) / "x"), secret=SECRET)) as worker:
                yield still, worker
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)
            for line in still.lines:
                line.close()


def test_an_exchanger_that_reads_nothing_is_waited_for_as_long_as_the_call_has() -> None:
    long = replace(order(time_left=SHORT), grant=AuthorizationCode(Secret("c" * BODY), "", Secret("")))
    with still_exchanger() as (still, worker), ThreadPoolExecutor(CALLS) as pool:
        unheard = [pool.submit(worker.connect, long) for _ in range(CALLS)]
        ends = [call.exception(PATIENCE) for call in unheard]
        before = still.unread()
        last = pool.submit(worker.refresh, CallContext("call-1", "key-1", SHORT), shard=1, token_key=KEY, generation=1)
        end = last.exception(PATIENCE)
        full = still.unread()
        for line in still.lines:
            # Whoever waits all the same is let go.
            line.shutdown(socket.SHUT_RDWR)
    assert {type(error) for error in [*ends, end]} == {ExchangerUnreachableError}
    assert BODY < before == full < CALLS * BODY
