"""A process's own TCP sockets on an address: gRPC's core has neither a way to stop listening nor one to count them.

Linux tells a process what it has open; each descriptor is looked at through a duplicate, so that one which is closed
meanwhile is nobody else's by then.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_DESCRIPTORS: Final = Path("/proc/self/fd")
_UNACKED_AT: Final = 24
"""Where `tcpi_unacked` stands in `struct tcp_info`: of a listener, how many connections wait to be accepted."""
PATIENCE: Final = 2.0
"""Seconds in which whoever accepts has come to the connections that wait for it."""
_PAUSE: Final = 0.001


def stop_listening(ports: Iterable[int]) -> int:
    """Take no more connections on ports, and keep those that there are; return how many listeners that ended.

    The kernel hands new connections to the other processes that listen there. Whoever accepts sees an error, and ends.
    Connections that wait to be accepted would be reset, so that is waited for; one whose handshake crosses the end is,
    where the kernel's `net.ipv4.tcp_migrate_req` is 0.
    """
    ended = 0
    for found in _on(frozenset(ports)):
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            until = time.monotonic() + PATIENCE
            while _waiting(found) and time.monotonic() < until:
                time.sleep(_PAUSE)
            found.shutdown(socket.SHUT_RDWR)
            ended += 1
    return ended


def _waiting(listener: socket.socket) -> int:
    """How many connections wait to be accepted."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED_AT + 4)
    return int.from_bytes(info[_UNACKED_AT:], sys.byteorder)


def has_connections(ports: Iterable[int]) -> bool:
    """Whether anybody is connected to one of the ports."""
    return any(_is_connected(found) for found in _on(frozenset(ports)))


def _on(ports: frozenset[int]) -> Iterator[socket.socket]:
    for entry in list(_DESCRIPTORS.iterdir()):
        with contextlib.suppress(OSError), _duplicate(int(entry.name)) as found:
            is_tcp = found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM
            if is_tcp and found.getsockname()[1] in ports:
                yield found


def _duplicate(descriptor: int) -> socket.socket:
    """Return the socket behind a descriptor; `OSError` if it is closed, or none."""
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _is_connected(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:
        return False
    return True
