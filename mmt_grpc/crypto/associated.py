"""What every ciphertext is bound to, encoded so that no two bindings share their bytes.

All parts go through `frame`. Numbers have fixed widths: format, suite and scope one byte, an epoch 4 bytes and a
generation 8 bytes, big-endian. Keys of rows are their 32 bytes, names are UTF-8, fields are the labels below.
"""

import struct
from typing import Final

from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.token_row import Binding

FORMAT: Final = 1
"""The layout of wrapped keys, messages and associated data; also the `format` column."""
SUITE: Final = 1
"""HKDF-SHA256, AES-256-GCM with random 96-bit nonces, 256-bit commitment."""
FORMAT_BYTE: Final = bytes((FORMAT,))
SUITE_BYTE: Final = bytes((SUITE,))
PREFIX: Final = FORMAT_BYTE + SUITE_BYTE
"""What every wrapped key and every message begins with."""

ACCESS: Final = b"access"
RENEWAL: Final = b"renewal"
METADATA: Final = b"metadata"
RECORD: Final = b"record"

EPOCH: Final = struct.Struct(">I")
GENERATION: Final = struct.Struct(">q")


def wrapping(epoch: int, field: bytes, owner: bytes) -> bytes:
    """Return what a wrapped data key is bound to; `owner` is a row's token key, of a record its purpose."""
    return frame(FORMAT_BYTE, SUITE_BYTE, EPOCH.pack(epoch), field, owner)


def credential(field: bytes, binding: Binding) -> bytes:
    """Return what an access or renewal blob is bound to: one generation of one row."""
    return frame(
        FORMAT_BYTE,
        SUITE_BYTE,
        field,
        binding.token_key,
        binding.identity_key,
        binding.integration.encode(),
        bytes((binding.scope,)),
        GENERATION.pack(binding.generation),
    )


def metadata(binding: Binding) -> bytes:
    """Return what a metadata blob is bound to: one row, whatever its generation (a refresh does not rewrite it)."""
    return frame(
        FORMAT_BYTE,
        SUITE_BYTE,
        METADATA,
        binding.token_key,
        binding.identity_key,
        binding.integration.encode(),
        bytes((binding.scope,)),
    )


def record(purpose: bytes) -> bytes:
    """Return what the content of a record is bound to."""
    return frame(FORMAT_BYTE, SUITE_BYTE, RECORD, purpose)
