"""Which server answers at a URL: another one may, behind a name that moves, before any connection breaks."""

from collections.abc import Callable

Server = tuple[object, ...]
"""What a server says of itself: host name, port, id."""


class KnownServers:
    """The servers that connections were opened to since one was last lost; `on_other` is told of each further one.

    After a failover a new connection may reach the new server while the old ones still wait for the dead one. Nodes of
    a cluster that answer by turns become known one by one.
    """

    def __init__(self, *, on_other: Callable[[], None]) -> None:
        self._on_other = on_other
        self._known: set[Server] = set()

    def met(self, server: Server) -> None:
        """Take it that a connection was opened to a server; nothing has been read from it yet."""
        if server in self._known:
            return
        is_other = bool(self._known)
        self._known.add(server)
        if is_other:
            self._on_other()

    def forget(self) -> None:
        """Take it that a connection was lost: whoever answers next may be set back, though it was known."""
        self._known.clear()
