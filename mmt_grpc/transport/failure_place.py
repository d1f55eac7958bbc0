"""Where an exception came from, without a word of what it says."""

from types import TracebackType
from typing import Final

DEEPEST: Final = 6
"""Frames that are worth reading."""


def failure_place(traceback: TracebackType | None) -> str:
    """Return the innermost frames as `module:line`, innermost last: no source text, no values."""
    found: list[str] = []
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        found.append(f"{module}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return " ".join(found[-DEEPEST:])
