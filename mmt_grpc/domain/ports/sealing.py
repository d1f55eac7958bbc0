"""Keys: what names a row, and what opens it."""

from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.model import Credential, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import AccessRow, Binding, SealedToken


class Index(Protocol):
    """The keyed hashes that stand in the database instead of names; 32 bytes each but the shard (12 bits)."""

    def shard(self, client_id: str, end_user_id: str) -> int:
        """Return the shard of an end user, 0–4095, stable for ever."""
        ...

    def token_key(self, client_id: str, token_id: str) -> bytes:
        """Return the row's key; the token id in lower case. Another client's id is simply not in the index."""
        ...

    def identity_key(self, identity: Identity) -> bytes:
        """Return the key of (client, end user, integration, scope)."""
        ...

    def end_user_key(self, client_id: str, end_user_id: str) -> bytes:
        """Return the key of an end user."""
        ...

    def client_key(self, client_id: str) -> bytes:
        """Return the key of a client."""
        ...

    def account_key(self, integration: str, account: str) -> bytes:
        """Return the key of an account at an exchange."""
        ...


class RequestIndex(Protocol):
    """The keyed hashes of Connect requests, 32 bytes each."""

    def request_key(self, client_id: str, request_id: str) -> bytes:
        """Return the key of a request."""
        ...

    def content_mac(self, content: bytes) -> bytes:
        """Return the keyed hash of a request's canonical content."""
        ...


class CallerMacs(Protocol):
    """The MACs of `client` and `api_key` rows, 32 bytes each: who can only write the database cannot mint a key."""

    def client_mac(self, client_id: str, name: str) -> bytes:
        """Return the MAC of a client row."""
        ...

    def api_key_mac(self, *, key_id: str, client_id: str, scope: Scope, disabled: bool, secret: Secret) -> bytes:
        """Return the MAC of an API key row and its secret."""
        ...


class AccessSealing(Protocol):
    """What a worker opens. No method of it can open a refresh token.

    Raises `CredentialUnreadableError` if anything does not fit, `EpochUnknownError` if the key epoch is unknown even
    after the keyring was read again.
    """

    def open_access(self, row: AccessRow) -> Credential:
        """Open the credential of a row."""
        ...

    def open_metadata(self, row: AccessRow) -> Metadata:
        """Open the metadata of a row (which must have been read) and check that it hashes to the identity key."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedToken:
    """All that a row's sealed columns hold."""

    credential: Credential
    renewal: Secret | None
    metadata: Metadata


class Sealing(Protocol):
    """What the exchanger opens and seals; it raises as `AccessSealing` does."""

    def seal_connection(
        self, *, binding: Binding, credential: Credential, renewal: Secret | None, metadata: Metadata
    ) -> SealedToken:
        """Seal what a Connect brought, under two new data keys wrapped by the current epoch."""
        ...

    def reseal(
        self, *, binding: Binding, sealed: SealedToken, credential: Credential, renewal: Secret | None
    ) -> tuple[bytes, bytes | None]:
        """Seal what a refresh brought, under the row's own data keys, for `binding` (its generation the new one).

        Returns the access and the renewal blob.
        """
        ...

    def open(self, binding: Binding, sealed: SealedToken) -> OpenedToken:
        """Open everything."""
        ...

    def open_metadata(self, binding: Binding, sealed: SealedToken) -> Metadata:
        """Open the metadata alone."""
        ...


class RecordSealing(Protocol):
    """Sealing of the exchanger's own records, each under a data key of its own, wrapped by the current renewal key."""

    def seal_record(self, purpose: str, content: bytes) -> bytes:
        """Seal a record; `purpose` is bound to it."""
        ...

    def open_record(self, purpose: str, sealed: bytes) -> bytes:
        """Open a record; `CredentialUnreadableError` if it does not fit or its epoch is gone."""
        ...

    def is_lost(self, sealed: bytes) -> bool:
        """Whether a record never opens again, because its epoch has been destroyed. Of a keyring that cannot be read
        now, or a record that is damaged, this is not said.
        """
        ...

    def lacks_key(self, sealed: bytes) -> bool:
        """Whether a record did not open because the keyring, as it stands, has none of its epoch: with that it would.

        Of a record whose head is damaged this is not said.
        """
        ...
