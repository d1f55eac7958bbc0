"""Length-prefixed concatenation: no two lists of parts frame to the same bytes."""

import struct
from collections.abc import Sequence
from typing import Final

LENGTH: Final = struct.Struct(">I")


def frame(*parts: bytes) -> bytes:
    """Concatenate parts, each behind its length as 4 bytes big-endian; a `TypeError` for anything but bytes."""
    for part in parts:
        if not isinstance(part, bytes):
            raise TypeError(f"a framed part is bytes, not {type(part).__name__}")
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


def unframe(framed: bytes) -> Sequence[bytes]:
    """Return the parts of what `frame` made; `ValueError` for anything else."""
    parts: list[bytes] = []
    at = 0
    while at < len(framed):
        if at + LENGTH.size > len(framed):
            raise ValueError("a length is cut off")
        (length,) = LENGTH.unpack_from(framed, at)
        at += LENGTH.size
        if at + length > len(framed):
            raise ValueError("a part is cut off")
        parts.append(framed[at : at + length])
        at += length
    return parts
