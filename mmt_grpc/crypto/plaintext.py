"""What stands inside the sealed columns, in frames; strict both ways.

Credential: `frame(b"bearer", token)` or `frame(b"api_key", key, secret)`. Renewal: `frame(b"refresh", token)`.
Metadata: `frame(version, token id, client, end user, integration, scope, account, granted)`, where account is
`frame(account)` or empty, and granted `frame(scope, …)`.
"""

from collections.abc import Sequence
from typing import Final

from mmt_grpc.crypto.text import decode_text, encode_text
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.framing import frame, unframe
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Credential, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret

_BEARER: Final = b"bearer"
_API_KEY: Final = b"api_key"
_REFRESH: Final = b"refresh"
_METADATA_VERSION: Final = b"\x01"
_SCOPES: Final = {bytes((scope,)): scope for scope in Scope}


def encode_credential(credential: Credential) -> bytes:
    """Return the plaintext of an access blob."""
    match credential:
        case BearerToken(token):
            return frame(_BEARER, encode_text(token.reveal()))
        case ApiKeyPair(key, secret):
            return frame(_API_KEY, encode_text(key.reveal()), encode_text(secret.reveal()))


def decode_credential(plaintext: bytes) -> Credential:
    """Return what `encode_credential` was given; `CredentialUnreadableError` for anything else."""
    match _parts(plaintext):
        case [b"bearer", token]:
            return BearerToken(Secret(decode_text(token)))
        case [b"api_key", key, secret]:
            return ApiKeyPair(Secret(decode_text(key)), Secret(decode_text(secret)))
        case _:
            raise CredentialUnreadableError


def encode_renewal(renewal: Secret) -> bytes:
    """Return the plaintext of a renewal blob."""
    return frame(_REFRESH, encode_text(renewal.reveal()))


def decode_renewal(plaintext: bytes) -> Secret:
    """Return what `encode_renewal` was given; `CredentialUnreadableError` for anything else."""
    match _parts(plaintext):
        case [b"refresh", token]:
            return Secret(decode_text(token))
        case _:
            raise CredentialUnreadableError


def encode_metadata(metadata: Metadata) -> bytes:
    """Return the plaintext of a metadata blob."""
    identity = metadata.identity
    return frame(
        _METADATA_VERSION,
        encode_text(metadata.token_id),
        encode_text(identity.client_id),
        encode_text(identity.end_user_id),
        encode_text(identity.integration),
        bytes((identity.scope,)),
        b"" if metadata.account is None else frame(encode_text(metadata.account)),
        frame(*(encode_text(scope) for scope in metadata.granted_scopes)),
    )


def decode_metadata(plaintext: bytes) -> Metadata:
    """Return what `encode_metadata` was given; `CredentialUnreadableError` for anything else."""
    match _parts(plaintext):
        case [version, token_id, client_id, end_user_id, integration, scope, account, granted] if (
            version == _METADATA_VERSION and scope in _SCOPES
        ):
            identity = Identity(
                decode_text(client_id), decode_text(end_user_id), decode_text(integration), _SCOPES[scope]
            )
            return Metadata(
                token_id=decode_text(token_id),
                identity=identity,
                account=_optional(_parts(account)),
                granted_scopes=tuple(map(decode_text, _parts(granted))),
            )
        case _:
            raise CredentialUnreadableError


def _optional(parts: Sequence[bytes]) -> str | None:
    match parts:
        case []:
            return None
        case [part]:
            return decode_text(part)
        case _:
            raise CredentialUnreadableError


def _parts(framed: bytes) -> Sequence[bytes]:
    try:
        return unframe(framed)
    except ValueError:
        raise CredentialUnreadableError from None
