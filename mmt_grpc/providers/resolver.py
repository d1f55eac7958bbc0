"""Names to checked addresses, in bounded time."""

import queue
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.providers.addresses import Reach, reach

MOST_ADDRESSES: Final = 4
"""So many of a name's addresses are tried, in the order given."""
MOST_LOOKUPS: Final = 32
"""So many lookups of one name may hang at once: a name server that never answers must neither fill the process with
threads nor keep other names, whose server does answer, from being looked up.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A numeric address to connect to, as `socket` takes it."""

    family: int
    host: str
    port: int


Lookup = Callable[[str, int], Sequence[Target]]
"""Resolves a name; may block; raises OSError."""


class UnreachableError(Exception):
    """The name has no address, none in time, or one that may not be connected to."""


def system_lookup(host: str, port: int) -> Sequence[Target]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [Target(int(family), str(address[0]), port) for family, _, _, _, address in found]


class Resolver:
    """Resolves each name anew and lets no address pass that the rules forbid."""

    def __init__(self, *, lookup: Lookup) -> None:
        self._lookup = lookup
        # As many as the settings name hosts: nobody else is ever looked up.
        self._slots: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(MOST_LOOKUPS)
        )
        self._lock = threading.Lock()

    def resolve(self, host: str, port: int, *, timeout: float, private: bool, public: bool) -> Sequence[Target]:
        """Return the addresses to try; raises `UnreachableError` if a single one may not be connected to.

        One bad address condemns the answer: an honest name has none.
        """
        targets = self._within(host, port, timeout)
        allowed = {Reach.PRIVATE: private, Reach.PUBLIC: public, Reach.FORBIDDEN: False}
        if not targets or not all(allowed[_reach(target)] for target in targets):
            raise UnreachableError
        return list(dict.fromkeys(targets))[:MOST_ADDRESSES]

    def _within(self, host: str, port: int, timeout: float) -> Sequence[Target]:
        """Look up in a thread of its own: the system's resolver knows no deadline."""
        with self._lock:
            slots = self._slots[host]
        if not slots.acquire(blocking=False):
            raise UnreachableError
        answers: queue.SimpleQueue[Sequence[Target]] = queue.SimpleQueue()

        def look() -> None:
            try:
                answers.put(self._lookup(host, port))
            except (OSError, UnicodeError):
                answers.put(())
            finally:
                slots.release()

        try:
            threading.Thread(target=look, name="resolve", daemon=True).start()
        except RuntimeError:
            # There are no threads to be had: nothing was asked.
            slots.release()
            raise UnreachableError from None
        try:
            return answers.get(timeout=timeout)
        except queue.Empty:
            raise UnreachableError from None


def _reach(target: Target) -> Reach:
    try:
        return reach(target.host)
    except ValueError:
        return Reach.FORBIDDEN
