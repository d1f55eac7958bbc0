"""Keyrings on disk: a header that anybody may read, and the contents sealed under a key that the root key wraps.

Two lines. The first is the header, JSON with sorted keys and no blanks: `file_key` (wrapped by the root key, base64),
`format`, `keyring_id` (hex), `kind`, `root_key` (`id`, `kind`). The second is base64 of a 12-byte nonce and the
contents under AES-256-GCM, bound to the bytes of the first line. The file key is new at each writing, and wrapped with
`frame("mmt keyring", format, keyring id, kind)` as associated data.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmt_grpc.crypto.contents import KeyringContents, Kind, decode, encode
from mmt_grpc.crypto.durable_file import publish
from mmt_grpc.crypto.envelope import NONCE_LENGTH
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.crypto.root_key import RootKey
from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.ports.clock import Randomness

FORMAT: Final = "mmt-keyring-1"
FILE_NAMES: Final[Mapping[Kind, str]] = {Kind.ACCESS: "access.keyring", Kind.RENEWAL: "renewal.keyring"}
_LARGEST: Final = 1 << 20
"""Bytes; thousands of epochs. What is larger is no keyring."""


@dataclass(frozen=True, slots=True)
class KeyringHeader:
    """What a keyring file says of itself without any key."""

    kind: Kind
    keyring_id: bytes
    root_key_kind: str
    root_key_id: str
    file_key: bytes


def write_keyring(
    path: Path, contents: KeyringContents, *, root_key: RootKey, randomness: Randomness, replace: bool
) -> None:
    """Write a keyring file atomically, mode 0600; `KeyringError` if it exists and may not be replaced."""
    file_key = randomness.random_bytes(KEY_LENGTH)
    header = KeyringHeader(
        kind=contents.kind,
        keyring_id=contents.keyring_id,
        root_key_kind=root_key.kind,
        root_key_id=root_key.key_id,
        file_key=root_key.wrap(file_key, _bound(contents.kind, contents.keyring_id)),
    )
    line = _format_header(header)
    nonce = randomness.random_bytes(NONCE_LENGTH)
    sealed = nonce + AESGCM(file_key).encrypt(nonce, encode(contents), line)
    publish(path, line + b"\n" + base64.b64encode(sealed) + b"\n", replace=replace)


def read_keyring(path: Path, kind: Kind, *, root_key: RootKey) -> KeyringContents:
    """Read and open a keyring file; `KeyringError` naming the flaw if it is not the one that belongs there."""
    line, body = _read_lines(path)
    header = _parse_header(path, line)
    if header.kind is not kind:
        raise KeyringError(f"{path}: holds the {header.kind} keyring where the {kind} keyring belongs")
    if (header.root_key_kind, header.root_key_id) != (root_key.kind, root_key.key_id):
        raise KeyringError(
            f"{path}: wrapped by root key {header.root_key_kind}:{header.root_key_id}, "
            f"not by {root_key.kind}:{root_key.key_id}"
        )
    try:
        file_key = root_key.unwrap(header.file_key, _bound(kind, header.keyring_id))
    except KeyringError as error:
        raise KeyringError(f"{path}: {error}") from None
    contents = decode(_unseal(path, line, body, file_key))
    if contents.kind is not kind or contents.keyring_id != header.keyring_id:
        raise KeyringError(f"{path}: header and contents belong to different keyrings")
    return contents


def read_header(path: Path) -> KeyringHeader:
    """Read what a keyring file says of itself, unverified; `KeyringError` if it is none."""
    return _parse_header(path, _read_lines(path)[0])


def _bound(kind: Kind, keyring_id: bytes) -> bytes:
    return frame(b"mmt keyring", FORMAT.encode(), keyring_id, kind.encode())


def _format_header(header: KeyringHeader) -> bytes:
    fields = {
        "file_key": base64.b64encode(header.file_key).decode(),
        "format": FORMAT,
        "keyring_id": header.keyring_id.hex(),
        "kind": header.kind,
        "root_key": {"id": header.root_key_id, "kind": header.root_key_kind},
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _parse_header(path: Path, line: bytes) -> KeyringHeader:
    try:
        fields = json.loads(line)
        if fields["format"] != FORMAT:
            raise KeyringError(f"{path}: not in format {FORMAT}")
        return KeyringHeader(
            kind=Kind(fields["kind"]),
            keyring_id=bytes.fromhex(fields["keyring_id"]),
            root_key_kind=str(fields["root_key"]["kind"]),
            root_key_id=str(fields["root_key"]["id"]),
            file_key=_from_base64(fields["file_key"].encode()),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise KeyringError(f"{path}: not a keyring") from None


def _read_lines(path: Path) -> tuple[bytes, bytes]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise KeyringError(f"{path}: {error.strerror}") from None
    match content.split(b"\n"):
        case [line, body, b""] if len(content) <= _LARGEST:
            return line, body
    raise KeyringError(f"{path}: not a keyring, or cut off")


def _unseal(path: Path, line: bytes, body: bytes, file_key: bytes) -> bytes:
    try:
        sealed = _from_base64(body)
        return AESGCM(file_key).decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], line)
    except (InvalidTag, ValueError):
        raise KeyringError(f"{path}: damaged or changed") from None


def _from_base64(text: bytes) -> bytes:
    decoded = base64.b64decode(text, validate=True)
    # The decoder ignores the last character's unused bits; one file has one spelling here.
    if base64.b64encode(decoded) != text:
        raise ValueError("base64 with stray bits")
    return decoded
