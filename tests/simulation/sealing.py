"""Keys that cost nothing: what is sealed is readable to the simulation, and still opens only where it belongs."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from mmt_grpc.domain.errors import CredentialUnreadableError, EpochUnknownError
from mmt_grpc.domain.model import BearerToken, Credential, Identity, Metadata
from mmt_grpc.domain.ports.sealing import OpenedToken
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken


def _key(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=32).digest()


class PlainIndex:
    """`Index` and `RequestIndex` without a key."""

    def shard(self, client_id: str, end_user_id: str) -> int:
        return _key("shard", client_id, end_user_id)[0]

    def token_key(self, client_id: str, token_id: str) -> bytes:
        return _key("token", client_id, token_id.lower())

    def identity_key(self, identity: Identity) -> bytes:
        return _key("identity", identity.client_id, identity.end_user_id, identity.integration, str(identity.scope))

    def end_user_key(self, client_id: str, end_user_id: str) -> bytes:
        return _key("user", client_id, end_user_id)

    def client_key(self, client_id: str) -> bytes:
        return _key("client", client_id)

    def account_key(self, integration: str, account: str) -> bytes:
        return _key("account", integration, account)

    def request_key(self, client_id: str, request_id: str) -> bytes:
        return _key("request", client_id, request_id)

    def content_mac(self, content: bytes) -> bytes:
        return _key("content", content.hex())


@dataclass(frozen=True, slots=True)
class _Sealed:
    binding: Binding
    text: str


class PlainSealing:
    """`Sealing` by a table: a blob is a random name, and opens under the very binding that it was sealed for."""

    def __init__(self, *, source: random.Random) -> None:
        self._random = source
        self._sealed: dict[bytes, _Sealed] = {}
        self._metadata: dict[bytes, Metadata] = {}

    def seal_connection(
        self, *, binding: Binding, credential: Credential, renewal: Secret | None, metadata: Metadata
    ) -> SealedToken:
        access_blob, renewal_blob = self._seal(binding, credential, renewal)
        name = self._random.randbytes(8)
        self._metadata[name] = metadata
        return SealedToken(1, 1, b"", b"", access_blob, renewal_blob, name)

    def reseal(
        self, *, binding: Binding, sealed: SealedToken, credential: Credential, renewal: Secret | None
    ) -> tuple[bytes, bytes | None]:
        del sealed
        return self._seal(binding, credential, renewal)

    def open(self, binding: Binding, sealed: SealedToken) -> OpenedToken:
        renewal = None if sealed.renewal_blob is None else Secret(self._open(binding, sealed.renewal_blob))
        credential = BearerToken(Secret(self._open(binding, sealed.access_blob)))
        return OpenedToken(credential, renewal, self.open_metadata(binding, sealed))

    def open_metadata(self, binding: Binding, sealed: SealedToken) -> Metadata:
        del binding
        return self._metadata[sealed.metadata_blob]

    def look(self, blob: bytes | None) -> str | None:
        """Return what is in a blob, wherever it stands: the simulation sees through everything."""
        return None if blob is None else self._sealed[blob].text

    def _seal(self, binding: Binding, credential: Credential, renewal: Secret | None) -> tuple[bytes, bytes | None]:
        assert isinstance(credential, BearerToken)
        access_blob = self._keep(binding, credential.token.reveal())
        return access_blob, None if renewal is None else self._keep(binding, renewal.reveal())

    def _keep(self, binding: Binding, text: str) -> bytes:
        name = self._random.randbytes(8)
        self._sealed[name] = _Sealed(binding, text)
        return name

    def _open(self, binding: Binding, blob: bytes) -> str:
        sealed = self._sealed[blob]
        if sealed.binding != binding:
            raise CredentialUnreadableError
        return sealed.text


class LaggingSealing:
    """`Sealing` of a replica whose keyring may lack the rows' newest key for a while; `lags` says whether it does."""

    def __init__(self, *, sealing: PlainSealing, lags: Callable[[], bool]) -> None:
        self._sealing = sealing
        self._lags = lags

    def seal_connection(
        self, *, binding: Binding, credential: Credential, renewal: Secret | None, metadata: Metadata
    ) -> SealedToken:
        return self._sealing.seal_connection(binding=binding, credential=credential, renewal=renewal, metadata=metadata)

    def reseal(
        self, *, binding: Binding, sealed: SealedToken, credential: Credential, renewal: Secret | None
    ) -> tuple[bytes, bytes | None]:
        self._check()
        return self._sealing.reseal(binding=binding, sealed=sealed, credential=credential, renewal=renewal)

    def open(self, binding: Binding, sealed: SealedToken) -> OpenedToken:
        self._check()
        return self._sealing.open(binding, sealed)

    def open_metadata(self, binding: Binding, sealed: SealedToken) -> Metadata:
        self._check()
        return self._sealing.open_metadata(binding, sealed)

    def _check(self) -> None:
        if self._lags():
            raise EpochUnknownError(may_arrive=True)


class PlainRecords:
    """`RecordSealing` that notices a torn record."""

    def seal_record(self, purpose: str, content: bytes) -> bytes:
        return _digest(purpose, content) + content

    def is_lost(self, sealed: bytes) -> bool:
        del sealed
        return False

    def lacks_key(self, sealed: bytes) -> bool:
        del sealed
        return False

    def open_record(self, purpose: str, sealed: bytes) -> bytes:
        if sealed[:8] != _digest(purpose, sealed[8:]):
            raise CredentialUnreadableError
        return sealed[8:]


def _digest(purpose: str, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=8, key=purpose.encode()).digest()
