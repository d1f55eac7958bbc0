"""Relays HTTP/1.1 between a service and an exchange, one message at a time, as plain bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

HEAD_LIMIT = 1 << 16
BODY_LIMIT = 1 << 20
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Message:
    """A request or an answer: its head with the empty line, and its body."""

    head: bytes
    body: bytes

    @property
    def start(self) -> list[str]:
        """The first line's words."""
        return self.head.partition(b"\r\n")[0].decode("latin-1").split(" ")

    @property
    def target(self) -> str:
        return self.start[1]

    @property
    def status(self) -> int:
        return int(self.start[1])


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message with a Content-Length, or with no body; raises `asyncio.IncompleteReadError` at the end."""
    head = await reader.readuntil(_END)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if length > BODY_LIMIT:
        raise ConnectionError("too long a body")
    return Message(head, await reader.readexactly(length))


async def ask(request: Message, host: str, port: int) -> Message:
    """Send a request on a connection of its own and return the answer; raises `OSError` and `EOFError`."""
    reader, writer = await asyncio.open_connection(host, port, limit=HEAD_LIMIT)
    try:
        writer.write(request.head + request.body)
        await writer.drain()
        return await read_message(reader)
    finally:
        writer.close()
