"""Keyed hashes: what stands in the database instead of names, and what proves the rows of callers.

Every input is framed. The index, request and caller keys each make several kinds of hashes, so their first part names
the kind; the shard key makes one, and has none.
"""

import hmac
from typing import Final

from mmt_grpc.crypto.contents import Label
from mmt_grpc.crypto.key import Key
from mmt_grpc.crypto.keyring import AccessKeyring
from mmt_grpc.crypto.text import encode_text
from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.model import Identity, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_id import SHARD_BITS

_HASH: Final = "sha256"
_SHARD_SHIFT: Final = 16 - SHARD_BITS


class KeyedIndex:
    """`Index` by HMAC-SHA256 under the index and the shard key."""

    def __init__(self, *, access_keyring: AccessKeyring) -> None:
        self._index_key = access_keyring.labelled(Label.INDEX)
        self._shard_key = access_keyring.labelled(Label.SHARD)

    def shard(self, client_id: str, end_user_id: str) -> int:
        digest = _keyed_hash(self._shard_key, encode_text(client_id), encode_text(end_user_id))
        return int.from_bytes(digest[:2]) >> _SHARD_SHIFT

    def token_key(self, client_id: str, token_id: str) -> bytes:
        return self._hash(b"token", encode_text(client_id), encode_text(token_id.lower()))

    def identity_key(self, identity: Identity) -> bytes:
        return self._hash(
            b"identity",
            encode_text(identity.client_id),
            encode_text(identity.end_user_id),
            encode_text(identity.integration),
            bytes((identity.scope,)),
        )

    def end_user_key(self, client_id: str, end_user_id: str) -> bytes:
        return self._hash(b"end_user", encode_text(client_id), encode_text(end_user_id))

    def client_key(self, client_id: str) -> bytes:
        return self._hash(b"client", encode_text(client_id))

    def account_key(self, integration: str, account: str) -> bytes:
        return self._hash(b"account", encode_text(integration), encode_text(account))

    def index_check(self) -> bytes:
        """Return 32 bytes that tell whether a database belongs to this index key, for the `installation` row."""
        return self._hash(b"check")

    def _hash(self, *parts: bytes) -> bytes:
        return _keyed_hash(self._index_key, *parts)


class KeyedRequestIndex:
    """`RequestIndex` by HMAC-SHA256 under the request key."""

    def __init__(self, *, access_keyring: AccessKeyring) -> None:
        self._key = access_keyring.labelled(Label.REQUEST)

    def request_key(self, client_id: str, request_id: str) -> bytes:
        return _keyed_hash(self._key, b"request", encode_text(client_id), encode_text(request_id))

    def content_mac(self, content: bytes) -> bytes:
        return _keyed_hash(self._key, b"content", content)


class KeyedCallerMacs:
    """`CallerMacs` by HMAC-SHA256 under the caller key."""

    def __init__(self, *, access_keyring: AccessKeyring) -> None:
        self._key = access_keyring.labelled(Label.CALLER)

    def client_mac(self, client_id: str, name: str) -> bytes:
        return _keyed_hash(self._key, b"client", encode_text(client_id), encode_text(name))

    def api_key_mac(self, *, key_id: str, client_id: str, scope: Scope, disabled: bool, secret: Secret) -> bytes:
        return _keyed_hash(
            self._key,
            b"api_key",
            encode_text(key_id),
            encode_text(client_id),
            bytes((scope,)),
            bytes((disabled,)),
            encode_text(secret.reveal()),
        )


def _keyed_hash(key: Key, *parts: bytes) -> bytes:
    return hmac.digest(key.reveal(), frame(*parts), _HASH)
