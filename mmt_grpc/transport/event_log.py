"""What the transport has logged: events with fields, never prose, never a message's or an exception's text."""

from types import TracebackType
from typing import Final, Protocol

DEEPEST: Final = 6
"""Frames of a place in the code that are worth reading."""


class EventLog(Protocol):
    """Where events go; structlog's loggers fit."""

    def error(self, event: str, /, **fields: object) -> object:
        """Log something that must be looked at."""
        ...


def places(traceback: TracebackType | None) -> list[str]:
    """Return where an exception came from as `module:line`, innermost last: no source text, no values."""
    found: list[str] = []
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        found.append(f"{module}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return found[-DEEPEST:]
