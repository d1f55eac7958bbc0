"""The kinds of columns: exact bytes everywhere, so that nothing is folded, padded or cut.

Servers get binary types, on which two values are equal only if their bytes are; SQLite gets STRICT tables, where a text
in a binary column is an error.
"""

from typing import Any

import peewee


class _Column(peewee.Field):
    """A column by the names of its type on a server and in SQLite."""

    def __init__(self, server_type: str, file_type: str, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__(**options)
        self._server_type = server_type
        self._file_type = file_type

    def ddl_datatype(self, ctx: Any) -> peewee.SQL:  # noqa: ANN401  # Peewee's context is untyped
        return peewee.SQL(self._file_type if ctx.state.param == "?" else self._server_type)


class FixedBytes(_Column):
    """Bytes of one length: keys, ids."""

    def __init__(self, length: int, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__(f"BINARY({length})", "BLOB", **options)


class Bytes(_Column):
    """Up to `length` bytes within the row: wrapped keys."""

    def __init__(self, length: int, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__(f"VARBINARY({length})", "BLOB", **options)


class Blob(_Column):
    """Up to 65,535 bytes, kept beside the row."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__("BLOB", "BLOB", **options)


class Label(_Column):
    """A text of up to `length` bytes of UTF-8, compared byte by byte."""

    def __init__(self, length: int, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__(f"VARBINARY({length})", "TEXT", **options)


class Number(_Column):
    """A 64-bit integer: times in Unix microseconds, counters, generations."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__("BIGINT", "INTEGER", **options)


class SmallNumber(_Column):
    """A 16-bit integer: shards, states, scopes."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # Peewee's options
        super().__init__("SMALLINT", "INTEGER", **options)
