"""The key above the keyrings: it wraps the key of each keyring file, and is the one secret kept by other means."""

import os
import stat
from pathlib import Path
from typing import Final, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mmt_grpc.crypto.durable_file import publish
from mmt_grpc.crypto.envelope import NONCE_LENGTH
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.ports.clock import Randomness

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_KEY_ID_LENGTH: Final = 8


class RootKey(Protocol):
    """What wraps a file key of 32 bytes. A key service can stand behind it: both methods may be remote calls."""

    @property
    def kind(self) -> str:
        """The kind's name, written into the keyring file (`file`, …)."""
        ...

    @property
    def key_id(self) -> str:
        """Which key of that kind: a name or fingerprint that gives nothing away."""
        ...

    def wrap(self, file_key: bytes, associated_data: bytes) -> bytes:
        """Wrap a file key; `KeyringError` if that is impossible."""
        ...

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """Unwrap a file key; `KeyringError` if it does not fit or the service does not answer."""
        ...


class FileRootKey:
    """A root key of 32 random bytes in a file that nobody but its owner may touch."""

    kind: Final = "file"

    def __init__(self, *, material: bytes, randomness: Randomness) -> None:
        """Use 32 bytes of key material."""
        self.key_id = _derive(material, b"id", _KEY_ID_LENGTH).hex()
        self._cipher = AESGCM(_derive(material, b"wrap", KEY_LENGTH))
        self._randomness = randomness

    @classmethod
    def load(cls, path: Path, *, randomness: Randomness) -> "FileRootKey":
        """Read a root key; `KeyringError` if it is missing, open to others, another's, or of a wrong size."""
        return cls(material=_read(path), randomness=randomness)

    @classmethod
    def create(cls, path: Path, *, randomness: Randomness) -> "FileRootKey":
        """Make a new root key, durably and with mode 0600; `KeyringError` if the file exists."""
        material = randomness.random_bytes(KEY_LENGTH)
        publish(path, material, replace=False)
        return cls(material=material, randomness=randomness)

    def wrap(self, file_key: bytes, associated_data: bytes) -> bytes:
        nonce = self._randomness.random_bytes(NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, file_key, associated_data)

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        if len(wrapped) < NONCE_LENGTH:
            raise KeyringError("a wrapped file key that is cut off")
        try:
            return self._cipher.decrypt(wrapped[:NONCE_LENGTH], wrapped[NONCE_LENGTH:], associated_data)
        except InvalidTag:
            raise KeyringError("a file key that this root key does not open") from None

    def __repr__(self) -> str:
        return f"FileRootKey(key_id={self.key_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a root key is not pickled")


def _derive(material: bytes, purpose: bytes, length: int) -> bytes:
    if len(material) != KEY_LENGTH:
        raise KeyringError(f"a root key has {KEY_LENGTH} bytes, not {len(material)}")
    info = frame(b"mmt root key", purpose)
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(material)


def _read(path: Path) -> bytes:
    try:
        # Non-blocking, so that a named pipe in its place cannot hold the start up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyringError(f"root key {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        # The opened file is looked at, not the path: nobody can exchange it in between.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyringError(f"root key {path}: not a regular file")
        if status.st_mode & _OTHERS:
            raise KeyringError(f"root key {path}: open to group or others, it must have mode 0600")
        if status.st_uid not in {0, os.geteuid()}:
            raise KeyringError(f"root key {path}: belongs to another user")
        material = file.read(KEY_LENGTH + 1)
    if len(material) != KEY_LENGTH:
        raise KeyringError(f"root key {path}: must have {KEY_LENGTH} bytes")
    return material
