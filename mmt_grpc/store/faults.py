"""What an error of a database driver says of the statement: the one place where they are classified."""

import enum
import sqlite3
from typing import Final

import peewee


class Fault(enum.Enum):
    """What is known of a statement that raised."""

    NOT_APPLIED = "not applied"
    """Nothing was changed, and the same may be repeated."""
    READ_ONLY = "read only"
    """Nothing was changed; the server takes no changes any more: only another connection may."""
    DUPLICATE = "duplicate"
    """A unique key exists already."""
    DENIED = "denied"
    """The server refuses this user or has no such database."""
    LOST = "lost"
    """The connection broke: whether the statement was carried out is not known."""
    OTHER = "other"
    """Anything else: whether the statement was carried out is not known."""


_MYSQL: Final = {
    **dict.fromkeys(
        (
            1020,  # record has changed since last read (MariaDB's snapshot isolation)
            1047,  # a Galera node outside the primary component
            1180,  # error during COMMIT: certification failed
            1205,  # lock wait timeout
            1213,  # deadlock, or the loser of a certification
            3101,  # Group Replication rolled the transaction back
        ),
        Fault.NOT_APPLIED,
    ),
    1290: Fault.READ_ONLY,  # the server runs with --read-only
    1836: Fault.READ_ONLY,  # running in read-only mode
    1062: Fault.DUPLICATE,
    **dict.fromkeys((1044, 1045, 1049, 1698), Fault.DENIED),
    **dict.fromkeys(
        (
            0,  # PyMySQL: the connection was closed on this side
            1053,  # the server shuts down
            1158,  # network read error
            1159,  # network read timeout
            1927,  # the connection was killed
            2006,  # the server has gone away
            2013,  # lost while the answer was awaited
            2055,  # lost, with a system's error
        ),
        Fault.LOST,
    ),
}
_SQLITE_PRIMARY: Final = 0xFF
"""An extended result code of SQLite carries the primary one in its lowest byte."""
_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: Fault.NOT_APPLIED,
    sqlite3.SQLITE_LOCKED: Fault.NOT_APPLIED,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
}
_SQLITE_UNIQUE: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})


class StatementError(Exception):
    """A statement raised. It carries the error's class and number, never its text: that may quote keys."""

    def __init__(self, *, fault: Fault, kind: str, number: int | None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.kind = kind
        self.number = number


class DuplicateError(StatementError):
    """An INSERT met an existing unique key: nothing of it was applied."""


def read(error: Exception) -> StatementError:
    """Return what a driver's error says; an unknown one says that nothing is known."""
    origin = _origin(error)
    fault, number = _classify(origin)
    make = DuplicateError if fault is Fault.DUPLICATE else StatementError
    return make(fault=fault, kind=type(origin).__name__, number=number)


def system_error(error: Exception) -> OSError | None:
    """Return the system's error for which a driver could not connect, if it says which: PyMySQL does, under one number
    for all of them.
    """
    origin = _origin(error)
    found = getattr(origin, "original_exception", None)
    return found if isinstance(found, OSError) else None


def _origin(error: Exception) -> BaseException:
    """Return the driver's own error."""
    if isinstance(error, peewee.PeeweeException) and hasattr(error, "orig"):
        origin: BaseException = error.orig
        return origin
    return error


def _classify(error: BaseException) -> tuple[Fault, int | None]:
    if isinstance(error, sqlite3.Error):
        code: int | None = getattr(error, "sqlite_errorcode", None)
        if code in _SQLITE_UNIQUE:
            return Fault.DUPLICATE, code
        return _SQLITE.get((code or 0) & _SQLITE_PRIMARY, Fault.OTHER), code
    number = error.args[0] if error.args and type(error.args[0]) is int else None
    if isinstance(error, OSError):
        return Fault.LOST, number
    return _MYSQL.get(number, Fault.OTHER) if number is not None else Fault.OTHER, number
