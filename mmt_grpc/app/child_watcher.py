"""Who is told what becomes of the children."""

from typing import Protocol


class ChildWatcher(Protocol):
    """Told what becomes of children, for the metrics' sake."""

    def up(self, process: str, *, is_up: bool) -> None:
        """A child is ready, or has ended."""
        ...

    def restarted(self, process: str) -> None:
        """A child has ended and will be started again."""
        ...


class NoWatcher:
    """The `ChildWatcher` of a replica that shows no metrics."""

    def up(self, process: str, *, is_up: bool) -> None:
        """Let it pass."""

    def restarted(self, process: str) -> None:
        """Let it pass."""
