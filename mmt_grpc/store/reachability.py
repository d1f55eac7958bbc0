"""Why no connection to a database can be had: host unknown, refused, wrong password, unknown database look alike."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.store import faults
from mmt_grpc.store.settings import Location, SqliteLocation

QUIET: Final = 10.0
"""Seconds between two reports, though the causes take turns: every call tries to connect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A connection that could not be opened: the driver's class and number, and the system's under it if there is one.

    Nothing of the driver's text, which names the user; of the URL nothing but the place.
    """

    place: str
    """`host:port`, or the path of a socket or a file."""
    kind: str
    number: int | None
    cause: str | None
    """The class of the system's error: `gaierror` (no such host), `ConnectionRefusedError`, `TimeoutError`, …"""
    errno: int | None

    def __str__(self) -> str:
        cause = "" if self.cause is None else f" ({_numbered(self.cause, self.errno)})"
        return f"{self.place}: {_numbered(self.kind, self.number)}{cause}"


def place_of(location: Location) -> str:
    """Return where a database is, without who uses it."""
    if isinstance(location, SqliteLocation):
        return location.path
    host = f"[{location.host}]" if ":" in location.host else location.host
    return location.unix_socket or f"{host}:{location.port}"


class Reachability:
    """Tells `on_unreachable` why connections fail: once for each change of the cause, at most every `QUIET` seconds."""

    def __init__(
        self,
        *,
        place: str,
        on_unreachable: Callable[[Unreachable], None],
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._on_unreachable = on_unreachable
        self._elapsed = elapsed
        self._last: Unreachable | None = None
        self._told_at: float | None = None
        self._lock = threading.Lock()

    def opened(self) -> None:
        """A connection was opened: the same cause is news when it comes back."""
        self._last = None

    def refused(self, error: Exception) -> None:
        """No connection could be opened, by an error of the driver's, or of what a connection is asked first."""
        found = _read(error, self._place)
        with self._lock:
            now = self._elapsed()
            is_early = self._told_at is not None and now - self._told_at < QUIET
            if found == self._last or is_early:
                return
            self._last, self._told_at = found, now
        self._on_unreachable(found)


def _read(error: Exception, place: str) -> Unreachable:
    seen = faults.read(error)
    cause = faults.system_error(error)
    return Unreachable(
        place=place,
        kind=seen.kind,
        number=seen.number,
        cause=None if cause is None else type(cause).__name__,
        errno=None if cause is None else cause.errno,
    )


def _numbered(name: str, number: int | None) -> str:
    return name if number is None else f"{name} {number}"
