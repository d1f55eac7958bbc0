"""Who is told that the database was away."""

from collections.abc import Callable


class Losses:
    """Passes on that the database was away: the store is opened before there is anybody to be told."""

    def __init__(self) -> None:
        self.listener: Callable[[], None] | None = None

    def happened(self) -> None:
        """Pass it on; before there is a listener, the start of a process is in doubt anyway."""
        if self.listener is not None:
            self.listener()
