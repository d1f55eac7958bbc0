"""What a keyring holds, and its encoding: the plaintext of a keyring file and what a worker is handed.

`frame(version, kind, keyring id, current epoch, frame(frame(epoch, created_at, key), …), frame(label, key, …))` with
the labels in alphabetical order, epochs ascending; epoch numbers 4 bytes and times 8 bytes, big-endian.
"""

import enum
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import KEY_LENGTH, Key
from mmt_grpc.domain.framing import frame, unframe

_VERSION: Final = b"\x01"
_EPOCH: Final = struct.Struct(">I")
_TIME: Final = struct.Struct(">q")
KEYRING_ID_LENGTH: Final = 16


class Kind(enum.StrEnum):
    """The two keyrings: what workers need, and what only the exchanger may have."""

    ACCESS = "access"
    RENEWAL = "renewal"


class Label(enum.StrEnum):
    """The keys of the access keyring that have no epochs."""

    CALLER = "caller"
    INDEX = "index"
    REQUEST = "request"
    SHARD = "shard"


LABELS: Final[Mapping[Kind, frozenset[Label]]] = {Kind.ACCESS: frozenset(Label), Kind.RENEWAL: frozenset()}
"""Which labelled keys a keyring must hold, no more and no less."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The key of an epoch; `created_at` in Unix microseconds, for people to read."""

    number: int
    created_at: int
    key: Key


@dataclass(frozen=True, slots=True)
class KeyringContents:
    """All that a keyring holds; both keyrings of an installation share their 16-byte id.

    Raises `KeyringError` if the epochs are not ascending from 1 on, the current one is missing or labels do not fit.
    """

    kind: Kind
    keyring_id: bytes
    current: int
    epochs: tuple[Epoch, ...]
    labelled: Mapping[Label, Key]

    def __post_init__(self) -> None:
        numbers = [epoch.number for epoch in self.epochs]
        if len(self.keyring_id) != KEYRING_ID_LENGTH or numbers != sorted(set(numbers)) or min(numbers, default=0) < 1:
            raise KeyringError("a keyring with a malformed id or unordered epochs")
        if self.current not in numbers:
            raise KeyringError("a keyring whose current epoch is missing")
        if self.labelled.keys() != LABELS[self.kind]:
            raise KeyringError("a keyring whose labelled keys are not those of its kind")


def encode(contents: KeyringContents) -> bytes:
    """Return the encoding: key material, to be sealed or handed over at once."""
    epochs = (
        frame(_EPOCH.pack(epoch.number), _TIME.pack(epoch.created_at), epoch.key.reveal()) for epoch in contents.epochs
    )
    labelled = (part for label in sorted(contents.labelled) for part in _labelled(label, contents.labelled[label]))
    return frame(
        _VERSION,
        contents.kind.encode(),
        contents.keyring_id,
        _EPOCH.pack(contents.current),
        frame(*epochs),
        frame(*labelled),
    )


def decode(encoded: bytes) -> KeyringContents:
    """Return what `encode` made; `KeyringError` for anything else, without a word of its content."""
    try:
        return _decode(encoded)
    except (ValueError, struct.error):
        flaw = "a keyring that cannot be read"
    # Raised here and not above, so that no error that quotes key material hangs on to this one.
    raise KeyringError(flaw)


def _decode(encoded: bytes) -> KeyringContents:
    version, kind, keyring_id, current, epochs, labelled = unframe(encoded)
    if version != _VERSION:
        raise ValueError("an unknown version")
    return KeyringContents(
        kind=Kind(kind.decode()),
        keyring_id=keyring_id,
        current=_EPOCH.unpack(current)[0],
        epochs=tuple(_epoch(unframe(epoch)) for epoch in unframe(epochs)),
        labelled=_pairs(unframe(labelled)),
    )


def _labelled(label: Label, key: Key) -> tuple[bytes, bytes]:
    return label.encode(), key.reveal()


def _epoch(parts: Sequence[bytes]) -> Epoch:
    number, created_at, key = parts
    return Epoch(number=_EPOCH.unpack(number)[0], created_at=_TIME.unpack(created_at)[0], key=_key(key))


def _pairs(parts: Sequence[bytes]) -> Mapping[Label, Key]:
    labels = [Label(label.decode()) for label in parts[::2]]
    return dict(zip(labels, map(_key, parts[1::2]), strict=True))


def _key(material: bytes) -> Key:
    if len(material) != KEY_LENGTH:
        raise ValueError("a key of a wrong length")
    return Key(material)
