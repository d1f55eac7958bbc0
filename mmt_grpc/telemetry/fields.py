"""What may stand in an event: plain values. Anything that could hold a secret is named by its type alone."""

import enum
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import Final

MAX_TEXT: Final = 1024
"""Characters of a text field; what is longer is cut."""
MAX_ITEMS: Final = 64
MAX_CAUSES: Final = 4
_PACKAGES: Final = ("mmt_grpc", "site-packages", "generated")

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What an event consists of."""


def plain(value: object) -> Plain:
    """Return what of a value may be shown."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    # By exact type: a subclass of str or int may format itself in ways of its own.
    if value is None or type(value) in (bool, int, float):
        return value  # type: ignore[return-value]  # narrowed by the exact type
    if type(value) is str:
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, PurePath):
        return plain(str(value))
    if isinstance(value, list | tuple | frozenset | set):
        return [plain(item) for item in list(value)[:MAX_ITEMS]]
    return f"({type(value).__name__} not shown)"


def plain_fields(fields: Mapping[str, object]) -> dict[str, Plain]:
    """Return what of an event's fields may be shown."""
    return {name: plain(value) for name, value in fields.items()}


def describe(error: BaseException) -> dict[str, Plain]:
    """Return an exception's class, where it came from, and the classes of its causes; never its text."""
    described: dict[str, Plain] = {"class": type(error).__qualname__, "frames": list(frames(error.__traceback__))}
    causes: list[Plain] = []
    cause = _cause(error)
    while cause is not None and len(causes) < MAX_CAUSES:
        causes.append(type(cause).__qualname__)
        cause = _cause(cause)
    if causes:
        described["causes"] = causes
    return described


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def frames(traceback: TracebackType | None) -> Sequence[str]:
    """Return `file:line` of each frame, outermost first, the files relative to their package."""
    found: list[str] = []
    while traceback is not None:
        found.append(f"{place(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return found[-MAX_ITEMS:]


def place(path: str) -> str:
    """Return a source file's path from its package on; how a machine lays out its disk is nobody's business."""
    parts = PurePath(path).parts
    for package in _PACKAGES:
        if package in parts:
            at = len(parts) - 1 - parts[::-1].index(package)
            return "/".join(parts[at if package == "mmt_grpc" else at + 1 :])
    return "/".join(parts[-2:])
