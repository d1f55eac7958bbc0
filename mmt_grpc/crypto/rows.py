"""Sealing of rows: what a worker opens, and what the exchanger opens and seals."""

import hmac
from dataclasses import dataclass

from mmt_grpc.crypto import associated
from mmt_grpc.crypto.envelope import NONCE_LENGTH, DataKey
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.crypto.plaintext import (
    decode_credential,
    decode_metadata,
    decode_renewal,
    encode_credential,
    encode_metadata,
    encode_renewal,
)
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.model import Credential, Metadata
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.sealing import OpenedToken
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import AccessRow, Binding, SealedToken


class _AccessSide:
    """The access data key of a row, and what is sealed under it: the part that workers and the exchanger share."""

    def __init__(self, keyring: AccessKeyring) -> None:
        self._keyring = keyring
        self._index = KeyedIndex(access_keyring=keyring)

    def data_key(self, row_format: int, epoch: int, wrapped: bytes, token_key: bytes) -> DataKey:
        """Unwrap and derive; raises as `AccessSealing` does."""
        if row_format != associated.FORMAT:
            raise CredentialUnreadableError
        return DataKey(self._keyring.require(epoch).unwrap(wrapped, associated.ACCESS, token_key))

    def fits(self, metadata: Metadata, binding: Binding) -> bool:
        """Whether metadata is the very row's: it hashes to both of its keys."""
        identity_key = self._index.identity_key(metadata.identity)
        token_key = self._index.token_key(metadata.identity.client_id, metadata.token_id)
        # Both are compared whatever the first says.
        return hmac.compare_digest(identity_key, binding.identity_key) & hmac.compare_digest(
            token_key, binding.token_key
        )

    def open_metadata(self, data_key: DataKey, blob: bytes, binding: Binding) -> Metadata:
        """Open metadata and check that it is this row's."""
        metadata = decode_metadata(data_key.open(blob, associated.metadata(binding)))
        if not self.fits(metadata, binding):
            raise CredentialUnreadableError
        return metadata


class RowAccessSealing:
    """`AccessSealing` with the access keyring alone: no renewal key is within its reach."""

    def __init__(self, *, access_keyring: AccessKeyring) -> None:
        self._access = _AccessSide(access_keyring)

    def open_access(self, row: AccessRow) -> Credential:
        binding = row.binding
        data_key = self._access.data_key(row.format, row.key_epoch, row.access_key, binding.token_key)
        return decode_credential(data_key.open(row.access_blob, associated.credential(associated.ACCESS, binding)))

    def open_metadata(self, row: AccessRow) -> Metadata:
        if row.metadata_blob is None:
            raise CredentialUnreadableError
        data_key = self._access.data_key(row.format, row.key_epoch, row.access_key, row.binding.token_key)
        return self._access.open_metadata(data_key, row.metadata_blob, row.binding)


@dataclass(frozen=True, slots=True)
class RewrappedKeys:
    """A row's data keys under another epoch: the only columns that a rewrap writes."""

    key_epoch: int
    access_key: bytes
    renewal_key: bytes


class RowSealing:
    """`Sealing` with both keyrings.

    A row has one epoch for both of its data keys: the access keyring's current one.
    """

    def __init__(
        self, *, access_keyring: AccessKeyring, renewal_keyring: RenewalKeyring, randomness: Randomness
    ) -> None:
        """Raise `KeyringError` if the keyrings are not of one installation."""
        if access_keyring.keyring_id != renewal_keyring.keyring_id:
            raise KeyringError("the access and the renewal keyring belong to different installations")
        self._access_keyring = access_keyring
        self._renewal_keyring = renewal_keyring
        self._access = _AccessSide(access_keyring)
        self._randomness = randomness

    def seal_connection(
        self, *, binding: Binding, credential: Credential, renewal: Secret | None, metadata: Metadata
    ) -> SealedToken:
        """As the port says; a `ValueError` if the metadata is not that of the binding, or a text no valid Unicode."""
        if not self._access.fits(metadata, binding) or not _agree(metadata, binding):
            raise ValueError("metadata that belongs to another row")
        access_material = self._randomness.random_bytes(KEY_LENGTH)
        renewal_material = self._randomness.random_bytes(KEY_LENGTH)
        keys = self._wrap(access_material, renewal_material, binding.token_key)
        access_key, renewal_key = DataKey(access_material), DataKey(renewal_material)
        return SealedToken(
            format=associated.FORMAT,
            key_epoch=keys.key_epoch,
            access_key=keys.access_key,
            renewal_key=keys.renewal_key,
            access_blob=self._seal_access(access_key, binding, credential),
            renewal_blob=self._seal_renewal(renewal_key, binding, renewal),
            metadata_blob=access_key.seal(encode_metadata(metadata), associated.metadata(binding), self._nonce()),
        )

    def reseal(
        self, *, binding: Binding, sealed: SealedToken, credential: Credential, renewal: Secret | None
    ) -> tuple[bytes, bytes | None]:
        access_key, renewal_key = self._data_keys(binding, sealed)
        return (
            self._seal_access(access_key, binding, credential),
            self._seal_renewal(renewal_key, binding, renewal),
        )

    def open(self, binding: Binding, sealed: SealedToken) -> OpenedToken:
        access_key, renewal_key = self._data_keys(binding, sealed)
        plain = access_key.open(sealed.access_blob, associated.credential(associated.ACCESS, binding))
        return OpenedToken(
            credential=decode_credential(plain),
            renewal=_open_renewal(renewal_key, sealed.renewal_blob, binding),
            metadata=self._access.open_metadata(access_key, sealed.metadata_blob, binding),
        )

    def open_metadata(self, binding: Binding, sealed: SealedToken) -> Metadata:
        data_key = self._access.data_key(sealed.format, sealed.key_epoch, sealed.access_key, binding.token_key)
        return self._access.open_metadata(data_key, sealed.metadata_blob, binding)

    def rewrap(self, token_key: bytes, sealed: SealedToken) -> RewrappedKeys:
        """Return a row's data keys wrapped anew under the current epoch; the blobs stay as they are.

        Raises as `AccessSealing` does. Writing is guarded by the old wrapped keys.
        """
        if sealed.format != associated.FORMAT:
            raise CredentialUnreadableError
        access_material = self._access_keyring.require(sealed.key_epoch).unwrap(
            sealed.access_key, associated.ACCESS, token_key
        )
        renewal_material = self._renewal_keyring.require(sealed.key_epoch).unwrap(
            sealed.renewal_key, associated.RENEWAL, token_key
        )
        return self._wrap(access_material, renewal_material, token_key)

    def _wrap(self, access_material: bytes, renewal_material: bytes, token_key: bytes) -> RewrappedKeys:
        access_epoch = self._access_keyring.current
        renewal_epoch = self._renewal_keyring.require(access_epoch.number)
        return RewrappedKeys(
            key_epoch=access_epoch.number,
            access_key=access_epoch.wrap(
                access_material, field=associated.ACCESS, owner=token_key, nonce=self._nonce()
            ),
            renewal_key=renewal_epoch.wrap(
                renewal_material, field=associated.RENEWAL, owner=token_key, nonce=self._nonce()
            ),
        )

    def _data_keys(self, binding: Binding, sealed: SealedToken) -> tuple[DataKey, DataKey]:
        access_key = self._access.data_key(sealed.format, sealed.key_epoch, sealed.access_key, binding.token_key)
        epoch = self._renewal_keyring.require(sealed.key_epoch)
        return access_key, DataKey(epoch.unwrap(sealed.renewal_key, associated.RENEWAL, binding.token_key))

    def _seal_access(self, data_key: DataKey, binding: Binding, credential: Credential) -> bytes:
        bound = associated.credential(associated.ACCESS, binding)
        return data_key.seal(encode_credential(credential), bound, self._nonce())

    def _seal_renewal(self, data_key: DataKey, binding: Binding, renewal: Secret | None) -> bytes | None:
        if renewal is None:
            return None
        bound = associated.credential(associated.RENEWAL, binding)
        return data_key.seal(encode_renewal(renewal), bound, self._nonce())

    def _nonce(self) -> bytes:
        return self._randomness.random_bytes(NONCE_LENGTH)


def _open_renewal(data_key: DataKey, blob: bytes | None, binding: Binding) -> Secret | None:
    if blob is None:
        return None
    return decode_renewal(data_key.open(blob, associated.credential(associated.RENEWAL, binding)))


def _agree(metadata: Metadata, binding: Binding) -> bool:
    return (metadata.identity.integration, metadata.identity.scope) == (binding.integration, binding.scope)
