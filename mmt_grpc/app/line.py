"""The line between the supervisor and a child: JSON messages over a socket pair that nobody else holds."""

import base64
import json
import socket
import struct
import threading
from collections.abc import Mapping
from typing import Any, Final, Self

_LENGTH: Final = struct.Struct(">I")
_LONGEST: Final = 16 << 20
PATIENCE: Final = 5.0
"""Seconds for which the supervisor waits for the rest of a message, or for room for one: others wait for it."""

Message = Mapping[str, Any]
"""A message: `{"type": …, …}`; bytes travel as base64 text."""


class LineClosedError(Exception):
    """The other side is gone."""


class LineStalledError(LineClosedError):
    """The other side is there, and does not go on with a message; what was said of it is lost."""


class Line:
    """One end. Messages are sent whole from any thread; one thread receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """Return the supervisor's end, which waits `PATIENCE` at most, and the socket that the child inherits."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.settimeout(PATIENCE)
        return cls(ours), theirs

    @classmethod
    def inherited(cls, descriptor: int) -> Self:
        """Return the child's end."""
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """Return the descriptor, for selectors."""
        return self._connection.fileno()

    def send(self, kind: str, **fields: object) -> None:
        """Send a message; raises `LineClosedError` if nobody is there to take it."""
        content = json.dumps({"type": kind, **fields}).encode()
        try:
            with self._sending:
                self._connection.sendall(_LENGTH.pack(len(content)) + content)
        except TimeoutError:
            raise LineStalledError from None
        except OSError:
            raise LineClosedError from None

    def receive(self) -> Message:
        """Wait for a message; `LineClosedError` when the other side is gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > _LONGEST:
            raise LineClosedError
        message: Message = json.loads(self._exactly(length))
        return message

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._connection.recv(count - len(parts))
            except TimeoutError:
                raise LineStalledError from None
            except OSError:
                raise LineClosedError from None
            if not part:
                raise LineClosedError
            parts += part
        return bytes(parts)


def to_text(content: bytes) -> str:
    """Return bytes as text for a message."""
    return base64.b64encode(content).decode("ascii")


def from_text(text: str) -> bytes:
    """Return what `to_text` was given."""
    return base64.b64decode(text, validate=True)
