"""One HTTP/1.1 connection: h11 over an asyncio stream, with a bound on everything that a peer may send or delay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import h11

from mmt_grpc.sandbox.message import Request, Response, json_response

BODY_MOST = 64 * 1024
_HEADERS_MOST = 32 * 1024
_CHUNK = 16 * 1024
IDLE_SECONDS = 75.0
"""How long a kept connection may be silent between two requests."""
REQUEST_SECONDS = 15.0
"""How long a request may take to arrive once its first byte is there, and its answer to be taken."""

LINGER_SECONDS = 1.0
"""How long a refused peer may go on sending before it is cut off."""


class _TooLargeError(Exception):
    """The body is over 64 KiB."""


class _ClosedError(Exception):
    """The peer has hung up between two requests."""


class HttpConnection:
    """Reads requests, hands them on, writes what comes back."""

    def __init__(
        self, *, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[Request], Response]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADERS_MOST)

    async def run(self) -> None:
        """Serve until either side is done; network failures end the connection and nothing else."""
        try:
            while await self._serve_one():
                self._http.start_next_cycle()
        except (_ClosedError, ConnectionError, TimeoutError, h11.LocalProtocolError):
            self._writer.transport.abort()
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        except (h11.RemoteProtocolError, _TooLargeError) as error:
            await self._refuse(413 if isinstance(error, _TooLargeError) else 400)
        finally:
            self._writer.close()

    async def _serve_one(self) -> bool:
        await self._wait_for_first_byte()
        async with asyncio.timeout(REQUEST_SECONDS):
            request = await self._read_request()
        response = self._answer(request)
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.dropped:
            self._writer.transport.abort()
            return False
        await self._send(response, head=request.method == "HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _wait_for_first_byte(self) -> None:
        if self._http.trailing_data[0]:
            return
        async with asyncio.timeout(IDLE_SECONDS):
            data = await self._reader.read(_CHUNK)
        if not data:
            raise _ClosedError
        self._http.receive_data(data)

    async def _read_request(self) -> Request:
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            raise _ClosedError
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > BODY_MOST:
                raise _TooLargeError
        path, _, query = head.target.decode("latin-1").partition("?")
        return Request(head.method.decode("latin-1"), path, query, _headers(head), bytes(body))

    async def _next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_CHUNK))

    async def _send(self, response: Response, *, head: bool = False) -> None:
        headers = [*response.headers, ("Content-Length", str(len(response.body)))]
        reason = HTTPStatus(response.status).phrase.encode()
        self._write(h11.Response(status_code=response.status, headers=headers, reason=reason))
        if response.body and not head:
            self._write(h11.Data(data=response.body))
        self._write(h11.EndOfMessage())
        async with asyncio.timeout(REQUEST_SECONDS):
            await self._writer.drain()

    async def _refuse(self, status: int) -> None:
        """Say once what was wrong with the request; the connection is of no further use."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        try:
            await self._send(json_response(status, {"error": "bad_request"}, ("Connection", "close")))
            self._writer.write_eof()
            # Closing with unread bytes would reset the connection and take the answer back.
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(_CHUNK):
                    continue
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()

    def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")


def _headers(head: h11.Request) -> dict[str, str]:
    """Header values by lower-case name; two of the same name are joined as RFC 9110 section 5.3 says."""
    headers: dict[str, str] = {}
    for name, value in head.headers:
        text = value.decode("latin-1")
        key = name.decode("ascii").lower()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
