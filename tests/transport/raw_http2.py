"""A gRPC call written by hand, frame by frame: it sends the headers that no client library would let pass."""

import socket
import struct
from collections.abc import Sequence

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
STREAM = 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field of HPACK: literal, not indexed, no Huffman coding."""
    return b"\x00" + _length(len(name)) + name + _length(len(value)) + value


def _length(length: int) -> bytes:
    if length < 127:
        return bytes([length])
    encoded, length = b"\x7f", length - 127
    while length >= 128:
        encoded, length = encoded + bytes([length % 128 + 128]), length // 128
    return encoded + bytes([length])


def head(path: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The header block of a gRPC call."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *headers,
    ]
    return b"".join(literal(name, value) for name, value in fields)


def headers_alone(port: int, block: bytes, streams: int) -> int:
    """Open streams without ever sending a body; return how many of them the server ends all the same."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        opening = [frame(HEADERS, END_HEADERS, 1 + 2 * number, block) for number in range(streams)]
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + b"".join(opening))
        ended: set[int] = set()
        while len(ended) < streams:
            front = _exactly(connection, 9)
            if len(front) < 9:
                break
            payload = _exactly(connection, int.from_bytes(front[:3]))
            kind, flags, stream = front[3], front[4], int.from_bytes(front[5:])
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0, b""))
            if stream and (kind == RST_STREAM or (flags & END_STREAM and payload)):
                ended.add(stream)
        return len(ended)


def call(port: int, path: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Make a call and return all that the server sends until it ends the stream or the connection."""
    block = head(path, headers)
    message = b"\x00" + struct.pack(">I", len(body)) + body
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            PREFACE
            + frame(SETTINGS, 0, 0, b"")
            + frame(HEADERS, END_HEADERS, STREAM, block)
            + frame(DATA, END_STREAM, STREAM, message)
        )
        return _answer(connection)


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while True:
        head = _exactly(connection, 9)
        if len(head) < 9:
            return received
        payload = _exactly(connection, int.from_bytes(head[:3]))
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
        received += payload
        if kind in (RST_STREAM, GOAWAY) or (stream == STREAM and flags & END_STREAM):
            return received
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0, b""))


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            break
        received += part
    return received
