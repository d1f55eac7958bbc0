"""The key of an epoch: it wraps the data keys of rows, and does nothing else."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmt_grpc.crypto.associated import PREFIX, wrapping
from mmt_grpc.crypto.envelope import NONCE_LENGTH, TAG_LENGTH
from mmt_grpc.crypto.key import KEY_LENGTH, Key
from mmt_grpc.domain.errors import CredentialUnreadableError

WRAPPED_KEY_LENGTH: Final = len(PREFIX) + NONCE_LENGTH + KEY_LENGTH + TAG_LENGTH
"""Bytes of every wrapped data key, 62: format, suite, nonce, ciphertext with tag."""
_NONCE_END: Final = len(PREFIX) + NONCE_LENGTH


class EpochKey:
    """The access or renewal key of one epoch, its cipher made once."""

    __slots__ = ("_cipher", "number")

    def __init__(self, number: int, key: Key) -> None:
        """Prepare the cipher of epoch `number`."""
        self.number = number
        self._cipher = AESGCM(key.reveal())

    def wrap(self, material: bytes, *, field: bytes, owner: bytes, nonce: bytes) -> bytes:
        """Wrap the 32 bytes of a data key, bound to this epoch, the field and the owner."""
        return PREFIX + nonce + self._cipher.encrypt(nonce, material, wrapping(self.number, field, owner))

    def unwrap(self, wrapped: bytes, field: bytes, owner: bytes) -> bytes:
        """Return the data key's material; `CredentialUnreadableError` if anything does not fit."""
        if len(wrapped) != WRAPPED_KEY_LENGTH or wrapped[: len(PREFIX)] != PREFIX:
            raise CredentialUnreadableError
        try:
            return self._cipher.decrypt(
                wrapped[len(PREFIX) : _NONCE_END], wrapped[_NONCE_END:], wrapping(self.number, field, owner)
            )
        except InvalidTag:
            raise CredentialUnreadableError from None
