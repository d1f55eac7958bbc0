"""One fresh connection to an exchange: open and past TLS first, then one request on it and one answer off it."""

import socket
from typing import Final

import h11

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.message import JSON, Answer, Request

ANSWER_LIMIT: Final = 64 * 1024
"""Bytes of an answer, its head included; token answers take a few hundred."""
_HEAD_LIMIT: Final = 16 * 1024
_CHUNK: Final = 16 * 1024

USER_AGENT: Final = "mmt"


class Connection:
    """An open socket that is good for one request; every `ProviderError` says whether a byte may have left."""

    def __init__(self, *, sock: socket.socket, integration: str) -> None:
        """Take over an open socket."""
        self._sock = sock
        self._integration = integration
        self._used = False

    def send(self, request: Request, deadline: Deadline) -> Answer:
        """Write the request at once and read the whole answer, then close; nothing is waited for past the deadline.

        Raises `ProviderError`: PERMANENT if the request cannot be put on the wire (a credential that cannot stand in a
        header), NOT_SENT if nothing was written, else AMBIGUOUS.
        """
        try:
            return self._exchange(request, deadline)
        except (OSError, h11.RemoteProtocolError):
            # Whatever broke, the request may have arrived.
            raise self._failed(Failure.AMBIGUOUS) from None
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket; idempotent."""
        self._used = True
        self._sock.close()

    def _exchange(self, request: Request, deadline: Deadline) -> Answer:
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        wire = self._compose(parser, request)
        if self._used or deadline.left <= 0 or self._peer_has_closed():
            raise self._failed(Failure.NOT_SENT)
        self._used = True
        self._write(wire, deadline)
        return self._read(parser, deadline)

    def _compose(self, parser: h11.Connection, request: Request) -> bytes:
        headers = {
            "Host": request.endpoint.authority,
            "User-Agent": USER_AGENT,
            "Accept": JSON,
            "Accept-Encoding": "identity",
            "Connection": "close",
            **request.headers,
        }
        if request.body is not None:
            headers |= {"Content-Type": request.content_type, "Content-Length": str(len(request.body))}
        try:
            encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
            head = h11.Request(method=request.method, target=request.endpoint.target, headers=encoded)
        except (h11.LocalProtocolError, UnicodeEncodeError):
            # Their texts quote the value.
            raise self._failed(Failure.PERMANENT) from None
        parts = [parser.send(head), parser.send(h11.Data(request.body or b"")), parser.send(h11.EndOfMessage())]
        return b"".join(part for part in parts if part)

    def _peer_has_closed(self) -> bool:
        """Whether the exchange has hung up before anything was written."""
        self._sock.settimeout(0)
        try:
            # Past TLS' own recv, which takes no flags: what lies there stays there.
            return socket.socket.recv(self._sock, 1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _write(self, wire: bytes, deadline: Deadline) -> None:
        rest = memoryview(wire)
        while rest:
            self._sock.settimeout(deadline.require())
            rest = rest[self._sock.send(rest) :]

    def _read(self, parser: h11.Connection, deadline: Deadline) -> Answer:
        head: h11.Response | None = None
        body = bytearray()
        received = 0
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                # Past the deadline nothing is waited for, but what has come is read: after a pause of this process the
                # whole answer may lie there, in more than one piece, and it cannot be had again.
                self._sock.settimeout(deadline.left)
                data = self._sock.recv(_CHUNK)
                received += len(data)
                if received > ANSWER_LIMIT:
                    raise h11.RemoteProtocolError("the answer is too long")
                parser.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
                return Answer(head.status_code, headers, bytes(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the answer is none")

    def _failed(self, failure: Failure) -> ProviderError:
        return ProviderError(failure, integration=self._integration)
