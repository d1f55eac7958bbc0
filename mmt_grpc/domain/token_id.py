"""Token ids: UUIDv8 whose first 12 bits are the shard, 110 bits random, nothing else."""

import re
import uuid
from typing import Final

from mmt_grpc.domain.ports.clock import Randomness

SHARD_BITS: Final = 12
SHARDS: Final = 1 << SHARD_BITS
_TEXT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOW_BITS: Final = 128 - SHARD_BITS
_VERSION: Final = 8
_VARIANT: Final = 0b10
_VERSION_SHIFT: Final = 76
_VARIANT_SHIFT: Final = 62


def mint(shard: int, randomness: Randomness) -> str:
    """Return a new token id of a shard (0–4095)."""
    if not 0 <= shard < SHARDS:
        raise ValueError(f"a shard is 0 to {SHARDS - 1}")
    value = shard << _LOW_BITS | int.from_bytes(randomness.random_bytes(16)) & ((1 << _LOW_BITS) - 1)
    value = value & ~(0xF << _VERSION_SHIFT) | _VERSION << _VERSION_SHIFT
    value = value & ~(0b11 << _VARIANT_SHIFT) | _VARIANT << _VARIANT_SHIFT
    return str(uuid.UUID(int=value))


def normalise(text: str) -> str | None:
    """Return the lower-case 36-character form of a UUID of any version, None if `text` is none."""
    lowered = text.lower() if text.isascii() else ""
    return lowered if _TEXT.fullmatch(lowered) else None


def shard_of(token_id: str) -> int:
    """Return the shard that a normalised token id names: its first 12 bits."""
    return int(token_id[:3], 16)
