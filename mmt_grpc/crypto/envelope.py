"""Messages under a data key: AES-256-GCM that commits to its key.

A message is format (1 byte), suite (1), commitment (32), nonce (12), ciphertext with its 16-byte tag. AES-GCM alone
lets one ciphertext open under two keys to two texts; the commitment, a second output of the key derivation, rules that
out.
"""

import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mmt_grpc.crypto.associated import FORMAT_BYTE, PREFIX, SUITE_BYTE
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.framing import frame

NONCE_LENGTH: Final = 12
TAG_LENGTH: Final = 16
COMMITMENT_LENGTH: Final = 32
_COMMITMENT_END: Final = len(PREFIX) + COMMITMENT_LENGTH
_NONCE_END: Final = _COMMITMENT_END + NONCE_LENGTH
OVERHEAD: Final = _NONCE_END + TAG_LENGTH
"""Bytes that a message is longer than its plaintext."""

DERIVATION: Final = frame(b"mmt data key", FORMAT_BYTE, SUITE_BYTE)
"""The info of HKDF; its salt is empty."""
_SHA256: Final = SHA256()


class DataKey:
    """A data key ready for use: its cipher and its commitment, derived once."""

    __slots__ = ("_cipher", "_commitment")

    def __init__(self, material: bytes) -> None:
        """Derive from 32 random bytes."""
        derived = HKDF(algorithm=_SHA256, length=KEY_LENGTH + COMMITMENT_LENGTH, salt=None, info=DERIVATION).derive(
            material
        )
        self._cipher = AESGCM(derived[:KEY_LENGTH])
        self._commitment = derived[KEY_LENGTH:]

    def seal(self, plaintext: bytes, associated_data: bytes, nonce: bytes) -> bytes:
        """Return the message; `nonce` is 12 random bytes, never used twice."""
        return PREFIX + self._commitment + nonce + self._cipher.encrypt(nonce, plaintext, associated_data)

    def open(self, message: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext; `CredentialUnreadableError` if anything does not fit."""
        if len(message) < OVERHEAD or message[: len(PREFIX)] != PREFIX:
            raise CredentialUnreadableError
        if not hmac.compare_digest(message[len(PREFIX) : _COMMITMENT_END], self._commitment):
            raise CredentialUnreadableError
        try:
            return self._cipher.decrypt(message[_COMMITMENT_END:_NONCE_END], message[_NONCE_END:], associated_data)
        except InvalidTag:
            raise CredentialUnreadableError from None
