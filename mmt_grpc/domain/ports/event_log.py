"""What operators are told: named events with plain fields, never a secret, never prose."""

from typing import Protocol


class EventLog(Protocol):
    """A log of events; fields are strings, numbers, booleans or None."""

    def event(self, name: str, /, *, level: str = "info", **fields: str | float | bool | None) -> None:
        """Log an event; `level` one of debug, info, warning, error; an `error` is an alarm."""
        ...
