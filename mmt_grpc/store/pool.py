"""A bounded pool of connections: no round trip on checkout, no lock held while one is opened.

Peewee's own pool opens connections under a lock that every checkout needs, so that one unreachable server would queue
all callers up behind its time-outs; and its checks cost round trips on each call.
"""

import queue
import time
from collections.abc import Callable
from typing import Final

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store import faults
from mmt_grpc.store.refusals import AccessDeniedError
from mmt_grpc.store.session import Session

IDLE_BEFORE_PING: Final = 30.0
"""Seconds after which a server or a firewall may have dropped a connection silently."""


class SessionPool:
    """At most `size` connections, each in one thread's hands at a time; `wait` seconds for a free one."""

    def __init__(
        self,
        *,
        connect: Callable[[], Session],
        size: int,
        wait: float,
        elapsed: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        on_loss: Callable[[], None] = lambda: None,
        on_opened: Callable[[], None] = lambda: None,
        on_refused: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`on_loss` is told whenever a connection is found broken, or none can be opened: the database was away.

        `on_opened` is told of each that could be opened, `on_refused` for what error one could not be.
        """
        if size < 1:
            raise ValueError("a pool has at least one connection")
        self._connect = connect
        self._wait = wait
        self._elapsed = elapsed
        self._on_loss = on_loss
        self._on_opened = on_opened
        self._on_refused = on_refused
        # A queue in C instead of threading's semaphore in Python: this is on the way of every call.
        self._free: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(size):
            self._free.put(None)
        self._idle: list[tuple[Session, float]] = []
        self._closed = False

    def take(self) -> Session:
        """Return a connection, the one used last if any is idle; it must be given back or discarded.

        Raises `StoreUnavailableError` if all stay in use or none can be opened, `StartRefusedError` if it must not.
        """
        if self._closed:
            raise StoreUnavailableError
        try:
            self._free.get(timeout=self._wait)
        except queue.Empty:
            raise StoreUnavailableError from None
        try:
            return self._idle_session() or self._open()
        except BaseException:
            self._free.put(None)
            raise

    def give_back(self, session: Session) -> None:
        """Take back a connection that has no transaction open."""
        if self._closed:
            session.close()
        else:
            self._idle.append((session, self._elapsed()))
        self._free.put(None)

    def discard(self, session: Session) -> None:
        """Close a connection whose state is not known."""
        session.close()
        self._free.put(None)

    def discard_all(self, session: Session) -> None:
        """Close a connection that broke, and all idle ones with it: what broke it will have broken them."""
        self._on_loss()
        self.discard(session)
        self._close_idle()

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        self._closed = True
        self._close_idle()

    def _idle_session(self) -> Session | None:
        while True:
            try:
                session, since = self._idle.pop()
            except IndexError:
                return None
            if self._elapsed() - since < IDLE_BEFORE_PING or session.is_alive():
                return session
            self._on_loss()
            session.close()

    def _open(self) -> Session:
        try:
            session = self._connect()
        except StoreUnavailableError as error:
            self._on_loss()
            self._on_refused(error)
            raise
        except Exception as error:  # noqa: BLE001  # nothing was applied, whatever a driver raises
            self._on_loss()
            self._on_refused(error)
            if faults.read(error).fault is faults.Fault.DENIED:
                raise AccessDeniedError from None
            raise StoreUnavailableError from None
        self._on_opened()
        return session

    def _close_idle(self) -> None:
        while True:
            try:
                session, _ = self._idle.pop()
            except IndexError:
                return
            session.close()
