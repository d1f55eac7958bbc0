"""The sandbox as a server on a loopback address, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mmt_grpc.sandbox.connection import HttpConnection
from mmt_grpc.sandbox.control import Control
from mmt_grpc.sandbox.dispatch import Dispatcher, Log
from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.limits import Limit
from mmt_grpc.sandbox.market import Market

_CONNECTIONS_MOST = 1_000
_BACKLOG = 512


class SandboxRefusedError(Exception):
    """The sandbox will not serve: not a dev installation, or not a loopback address."""


class SandboxServer:
    """A strict fake of Coinbase, Uphold, Binance and any further OAuth exchange, under one base URL.

    `clients` overrides (client id, client secret) by integration; `rate_limits` are texts like "50/300s" by
    integration; `state_file` keeps everything but faults and limits over restarts; `log` gets an event's name and its
    fields (method, path template, status), never a token, a body or a query.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        mode: str = "dev",
        state_file: Path | None = None,
        clock: Callable[[], float] = time.time,
        make_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        log: Log = lambda _event, _fields: None,
        clients: Mapping[str, tuple[str, str]] | None = None,
        rate_limits: Mapping[str, str] | None = None,
    ) -> None:
        """Raises SandboxRefusedError unless `mode` is "dev" and `host` a loopback address, ValueError for a limit."""
        if mode != "dev":
            raise SandboxRefusedError("the sandbox serves dev installations only")
        self._host = _loopback(host)
        self._port = port
        self._state_file = state_file
        self._clock = clock
        self._make_token = make_token
        self._log = log
        self._clients = dict(clients or {})
        self._limits = {name: Limit.parse(text) for name, text in (rate_limits or {}).items()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failures: list[BaseException] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._dispatcher: Dispatcher | None = None
        self.base_url = ""
        """`http://host:port` without a trailing slash, once it is started."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind and serve; returns when connections are accepted. Raises OSError, sqlite3.Error."""
        if self._thread is not None:
            raise RuntimeError("the sandbox is started already")
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="mmt-sandbox", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failures:
            self.stop()

    def stop(self) -> None:
        """Close every connection and the state file; harmless if it is not running. Raises what ended it before."""
        if self._thread is None:
            return
        if self._loop is not None and self._stopping is not None:
            # The loop may have ended by itself; then its failure is raised below.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = None
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as failure:  # noqa: BLE001  # handed to the thread that waits in start()
            self._failures.append(failure)
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        journal = Journal(path=self._state_file)
        try:
            # asyncio sets TCP_NODELAY on every stream that it accepts.
            server = await asyncio.start_server(self._accept, self._host, self._port, backlog=_BACKLOG)
            async with server:
                self._open(server.sockets[0].getsockname()[1], journal)
                ready.set()
                await self._stopping.wait()
                server.close()
                await self._hang_up()
        finally:
            journal.close()

    def _open(self, port: int, journal: Journal) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.base_url = f"http://{host}:{port}"
        market = Market(
            base_url=self.base_url,
            clients=self._clients,
            journal=journal,
            clock=self._clock,
            make_token=self._make_token,
        )
        for name, limit in self._limits.items():
            market.limiter.set(name, limit)
        control = Control(market=market, make_token=self._make_token)
        self._dispatcher = Dispatcher(market=market, control=control, log=self._log)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._dispatcher is None or len(self._connections) >= _CONNECTIONS_MOST:
            writer.transport.abort()
            return
        connection = HttpConnection(reader=reader, writer=writer, answer=self._dispatcher.answer)
        task = asyncio.get_running_loop().create_task(connection.run())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _hang_up(self) -> None:
        open_now = list(self._connections)
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise SandboxRefusedError("the sandbox binds to a loopback address only") from None
    if not address.is_loopback:
        raise SandboxRefusedError("the sandbox binds to a loopback address only")
    return host
