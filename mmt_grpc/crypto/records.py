"""Sealing of the exchanger's durable records, so that a record dies with its epoch.

A record is format (1 byte), suite (1), epoch (4, big-endian), wrapped data key (62), message.
"""

from typing import Final

from mmt_grpc.crypto import associated
from mmt_grpc.crypto.envelope import NONCE_LENGTH, DataKey
from mmt_grpc.crypto.epoch import WRAPPED_KEY_LENGTH
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.crypto.keyring import RenewalKeyring
from mmt_grpc.crypto.text import encode_text
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.ports.clock import Randomness

_EPOCH_END: Final = len(associated.PREFIX) + associated.EPOCH.size
_KEY_END: Final = _EPOCH_END + WRAPPED_KEY_LENGTH


class RenewalRecordSealing:
    """`RecordSealing` under the renewal keyring, a data key for each record.

    An epoch counts as gone when the keyring as it stands now has none of its number. A keyring that cannot be read is a
    `StoreUnavailableError` instead: nobody may take the record for dead and scrub it.
    """

    def __init__(self, *, renewal_keyring: RenewalKeyring, randomness: Randomness) -> None:
        self._keyring = renewal_keyring
        self._randomness = randomness

    def seal_record(self, purpose: str, content: bytes) -> bytes:
        owner = encode_text(purpose)
        material = self._randomness.random_bytes(KEY_LENGTH)
        epoch = self._keyring.current
        wrapped = epoch.wrap(material, field=associated.RECORD, owner=owner, nonce=self._nonce())
        message = DataKey(material).seal(content, associated.record(owner), self._nonce())
        return associated.PREFIX + associated.EPOCH.pack(epoch.number) + wrapped + message

    def open_record(self, purpose: str, sealed: bytes) -> bytes:
        if len(sealed) < _KEY_END or sealed[: len(associated.PREFIX)] != associated.PREFIX:
            raise CredentialUnreadableError
        owner = encode_text(purpose)
        epoch = self._keyring.find(_epoch_of(sealed))
        if epoch is None:
            raise CredentialUnreadableError
        material = epoch.unwrap(sealed[_EPOCH_END:_KEY_END], associated.RECORD, owner)
        return DataKey(material).open(sealed[_KEY_END:], associated.record(owner))

    def is_lost(self, sealed: bytes) -> bool:
        # Epochs are numbered upwards: one above those that are loaded may just not have arrived here.
        return self.lacks_key(sealed) and _epoch_of(sealed) < max(self._keyring.epochs)

    def lacks_key(self, sealed: bytes) -> bool:
        if len(sealed) < _KEY_END or sealed[: len(associated.PREFIX)] != associated.PREFIX:
            return False
        # A head that was torn has zeros for its epoch, and there is no epoch 0.
        return _epoch_of(sealed) not in (0, *self._keyring.epochs)

    def _nonce(self) -> bytes:
        return self._randomness.random_bytes(NONCE_LENGTH)


def _epoch_of(sealed: bytes) -> int:
    (number,) = associated.EPOCH.unpack_from(sealed, len(associated.PREFIX))
    return int(number)
