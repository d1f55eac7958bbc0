"""What the exchanger keeps on its own disk, and how it is written: framed, then sealed."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.framing import frame, unframe
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Credential, Scope
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken

_WIDTH: Final = 8


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """What a provider gave for a Connect that is not committed yet; times in Unix microseconds."""

    request_key: bytes
    integration: str
    credential: Credential
    renewal: Secret | None


def encode_staged(staged: StagedRevocation) -> bytes:
    """Return the record of a staged revocation."""
    binding, sealed = staged.binding, staged.sealed
    return frame(
        _number(staged.shard),
        binding.token_key,
        binding.identity_key,
        binding.integration.encode(),
        _number(binding.scope),
        _number(binding.generation),
        _number(sealed.format),
        _number(sealed.key_epoch),
        sealed.access_key,
        sealed.renewal_key,
        sealed.access_blob,
        sealed.renewal_blob or b"",
        sealed.metadata_blob,
        staged.account_key or b"",
        _number(staged.unsettled),
    )


def decode_staged(content: bytes) -> StagedRevocation:
    """Return what `encode_staged` wrote; `ValueError` for anything else."""
    parts = list(unframe(content))
    shard, token_key, identity_key, integration, scope, generation, form, epoch = parts[:8]
    access_key, renewal_key, access_blob, renewal_blob, metadata_blob, account_key, unsettled = parts[8:]
    return StagedRevocation(
        shard=_value(shard),
        binding=Binding(token_key, identity_key, integration.decode(), Scope(_value(scope)), _value(generation)),
        sealed=SealedToken(
            format=_value(form),
            key_epoch=_value(epoch),
            access_key=access_key,
            renewal_key=renewal_key,
            access_blob=access_blob,
            renewal_blob=renewal_blob or None,
            metadata_blob=metadata_blob,
        ),
        account_key=account_key or None,
        unsettled=bool(_value(unsettled)),
    )


def encode_grant(record: GrantRecord) -> bytes:
    """Return the record of a grant."""
    if isinstance(record.credential, BearerToken):
        parts = [b"bearer", record.credential.token.reveal().encode()]
    else:
        parts = [b"api_key", record.credential.key.reveal().encode(), record.credential.secret.reveal().encode()]
    renewal = b"" if record.renewal is None else record.renewal.reveal().encode()
    return frame(record.request_key, record.integration.encode(), renewal, *parts)


def decode_grant(content: bytes) -> GrantRecord:
    """Return what `encode_grant` wrote; `ValueError` for anything else."""
    request_key, integration, renewal, kind, *texts = unframe(content)
    secrets = [Secret(text.decode()) for text in texts]
    credential: Credential = BearerToken(secrets[0]) if kind == b"bearer" else ApiKeyPair(secrets[0], secrets[1])
    return GrantRecord(request_key, integration.decode(), credential, Secret(renewal.decode()) if renewal else None)


def _number(value: int) -> bytes:
    return int(value).to_bytes(_WIDTH)


def _value(number: bytes) -> int:
    return int.from_bytes(number)
