"""What operators are told: named events with plain fields, never a secret, never prose."""

from typing import Protocol


class EventLog(Protocol):
    """A log of events; fields are strings, numbers, booleans or None."""

    def info(self, name: str, /, **fields: object) -> None:
        """Say what happened."""
        ...

    def warning(self, name: str, /, **fields: object) -> None:
        """Say what went wrong and was dealt with."""
        ...

    def error(self, name: str, /, **fields: object) -> None:
        """Raise an alarm: somebody has to look."""
        ...
