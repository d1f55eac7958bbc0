"""Stands between the replicas and the exchange, and notes which token was spent for which, by whom and when.

Each replica reaches the exchange at a port of its own. What is noted is what went over the wire, whatever the service
or the exchange say of it later; the digests are those of the exchange's own books.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

from tests.campaign.relay import HEAD_LIMIT, Message, ask, read_message

OK = 200
_GONE = (OSError, EOFError, asyncio.LimitOverrunError)
_TOKEN_PATH = "/token"  # the last part of a path


def digest(text: str) -> str:
    """The sha256 by which the books name a token."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Chain:
    """All tokens that one code led to; the account is empty for a code that nobody announced."""

    account: str
    refresh_digests: set[str] = field(default_factory=set)


@dataclass
class Exchange:
    """One code or refresh token sent by a member of the fleet; times by the monotonic clock, None: has not happened.

    `renewal` is the refresh token that came back (the exchange has committed), `delivered_at` when the answer was
    written to the member's connection; `is_unheard`: the member had closed that by then, dead or out of patience.
    """

    member: int
    presented: str
    is_refresh: bool
    chain: Chain
    began_at: float
    committed_at: float | None = None
    delivered_at: float | None = None
    renewal: str | None = field(default=None, repr=False)
    is_unheard: bool = False


class _Door:
    """A member's connections. Its methods run in the notary's loop."""

    def __init__(self) -> None:
        self.port = 0
        self._visits: dict[tuple[str, int], asyncio.Event] = {}
        self._came = asyncio.Event()

    @contextlib.contextmanager
    def visit(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Count a connection for as long as it is served."""
        peer, over = writer.get_extra_info("peername"), asyncio.Event()
        self._visits[peer] = over
        self._came.set()
        try:
            yield
        finally:
            del self._visits[peer]
            over.set()

    async def emptied(self) -> None:
        """Return once all connections that were made before now are over, those not accepted yet included."""
        _, last = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.closing(last):
            # Connections are accepted in the order in which they were made, so all that matter are before this one.
            while (me := last.get_extra_info("sockname")) not in self._visits:
                self._came.clear()
                await self._came.wait()
            for peer, over in list(self._visits.items()):
                if peer != me:
                    await over.wait()


class Notary:
    """The exchange as the replicas see it; `on_commit` is told of each committed refresh before its answer goes on.

    `committed` counts them.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.on_commit: Callable[[Exchange], None] = lambda _: None
        self.committed = 0
        self.refusals: Counter[str] = Counter()
        self._accounts: dict[str, str] = {}
        self._chains: dict[str, Chain] = {}
        self._access: dict[str, tuple[str, float]] = {}
        self._sent: set[str] = set()
        self._numbers = itertools.count()
        self._upstream = ("127.0.0.1", 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="notary", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._doors: list[_Door] = []
        self._visits: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forward_to(self, url: str) -> None:
        """Say where the exchange is, `http://host:port`."""
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._upstream = (host, int(port))

    def open_door(self) -> tuple[int, str]:
        """Return a member's number, and the base URL at which it reaches the exchange from now on."""
        member = next(self._numbers)
        port: int = self._run(self._listen(member))
        return member, f"http://127.0.0.1:{port}"

    def announce(self, code: str, account: str) -> None:
        """Say whose code this is, before anybody sends it."""
        self._accounts[digest(code)] = account

    def origin(self, access_token: str) -> tuple[str, float] | None:
        """Whose access token this is, and when it was given; None: the exchange never gave it to anybody here."""
        return self._access.get(digest(access_token))

    def chain_of_code(self, code: str) -> Chain | None:
        """The tokens that a code led to; None if it was never redeemed."""
        return self._chains.get(digest(code))

    def refreshes(self) -> Sequence[Exchange]:
        """The refreshes that the exchange committed."""
        return [each for each in list(self.exchanges) if each.is_refresh and each.renewal is not None]

    def was_sent(self, token: str) -> bool:
        """Whether anybody ever sent this code or refresh token."""
        return digest(token) in self._sent

    def sendings(self) -> Collection[Sequence[Exchange]]:
        """What was sent with each refresh token, in order."""
        sent = defaultdict[str, list[Exchange]](list)
        for each in list(self.exchanges):
            if each.is_refresh:
                sent[each.presented].append(each)
        return sent.values()

    def most_sendings(self) -> int:
        """How often the most often sent refresh token was sent."""
        return max(map(len, self.sendings()), default=0)

    def await_last_words(self, member: int, patience: float) -> None:
        """Wait until the exchange has answered all that a member sent before it died, read by the notary yet or not.

        Raises `TimeoutError`, as when the member lives and keeps a connection.
        """
        self._run(asyncio.wait_for(self._doors[member].emptied(), patience))

    def stand_still(self, seconds: float) -> None:
        """Read nothing for so long, as on a busy machine."""
        self._loop.call_soon_threadsafe(time.sleep, seconds)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, member: int) -> int:
        door = _Door()

        async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with door.visit(writer), contextlib.suppress(*_GONE, asyncio.CancelledError):
                await self._serve(member, reader, writer)

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(visited(reader, writer))
            self._visits.add(task)
            task.add_done_callback(self._visits.discard)
            # Also where it is cancelled before it has begun.
            task.add_done_callback(lambda _: writer.close())

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        self._servers.append(server)
        self._doors.append(door)
        door.port = server.sockets[0].getsockname()[1]
        return door.port

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # What was closed is gone one turn of the loop later.
        await asyncio.sleep(0)

    async def _serve(self, member: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_message(reader)
            noted = self._begin(member, request)
            try:
                answer = await ask(request, *self._upstream)
            finally:
                if noted is not None:
                    noted.committed_at = time.monotonic()
            if noted is not None:
                noted.is_unheard = reader.at_eof() or writer.is_closing()
                self._end(noted, answer)
            writer.write(answer.head + answer.body)
            await writer.drain()
            if noted is not None:
                noted.delivered_at = time.monotonic()

    def _begin(self, member: int, request: Message) -> Exchange | None:
        if request.start[0] != "POST" or not request.target.endswith(_TOKEN_PATH):
            return None
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        token, code = form.get("refresh_token"), form.get("code")
        presented = digest(token or code or "")
        self._sent.add(presented)
        chain = self._chains.get(presented) or Chain(self._accounts.get(presented, ""))
        noted = Exchange(member, presented, token is not None, chain, time.monotonic())
        self.exchanges.append(noted)
        return noted

    def _end(self, noted: Exchange, answer: Message) -> None:
        try:
            given: Mapping[str, Any] = json.loads(answer.body)
        except ValueError:
            given = {}
        if answer.status != OK or "access_token" not in given:
            self.refusals[f"{answer.status}"] += 1
            return
        noted.renewal = given.get("refresh_token")
        self._chains[noted.presented] = noted.chain
        if noted.renewal is not None:
            self._chains[digest(noted.renewal)] = noted.chain
            noted.chain.refresh_digests.add(digest(noted.renewal))
        self._access[digest(given["access_token"])] = (noted.chain.account, time.monotonic())
        if noted.is_refresh:
            self.committed += 1
            self.on_commit(noted)
