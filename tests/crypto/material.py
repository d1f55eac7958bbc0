"""What the tests of the crypto layer are made of: keyrings of fixed keys, rows, a clock and randomness to order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mmt_grpc.crypto.contents import LABELS, Epoch, KeyringContents, Kind
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.key import Key
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Credential, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import AccessRow, Binding, SealedToken, TokenState


def fixed_key(name: str) -> bytes:
    """Return the key of that name, as the known answers have it."""
    return hashlib.sha256(f"known answer {name}".encode()).digest()


def fixed_contents(kind: Kind, *, epochs: Iterable[int] = (1, 2), current: int = 2) -> KeyringContents:
    """Return the keyring of the known answers, or one with other epochs."""
    return KeyringContents(
        kind=kind,
        keyring_id=fixed_key("keyring id")[:16],
        current=current,
        epochs=tuple(Epoch(number, number * 10**15, Key(fixed_key(f"{kind} {number}"))) for number in epochs),
        labelled={label: Key(fixed_key(label)) for label in LABELS[kind]},
    )


def access_keyring(*, epochs: Iterable[int] = (1, 2), current: int = 2) -> AccessKeyring:
    """Return an access keyring of fixed keys that is never read again."""
    return AccessKeyring(contents=fixed_contents(Kind.ACCESS, epochs=epochs, current=current))


def renewal_keyring(*, epochs: Iterable[int] = (1, 2), current: int = 2) -> RenewalKeyring:
    """Return a renewal keyring of fixed keys that is never read again."""
    return RenewalKeyring(contents=fixed_contents(Kind.RENEWAL, epochs=epochs, current=current))


class DrawnBefore:
    """Randomness that gives what was recorded, in that order, and nothing else."""

    def __init__(self, draws: Iterable[bytes]) -> None:
        self._draws = list(draws)

    def random_bytes(self, count: int) -> bytes:
        given = self._draws.pop(0)
        assert len(given) == count
        return given

    def jitter(self, low: int, high: int) -> int:
        raise AssertionError(f"nothing here is jittered from {low} to {high}")

    @property
    def is_exhausted(self) -> bool:
        return not self._draws


@dataclass
class SetClock:
    """A clock that stands where it is set."""

    now: int = 0
    slept: list[int] = field(default_factory=list)

    def elapsed(self) -> int:
        return self.now

    def sleep(self, microseconds: int) -> None:
        self.slept.append(microseconds)


TOKEN_ID = "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3"
IDENTITY = Identity("client-1", "user-1", "coinbase", Scope.READ)
CREDENTIAL = BearerToken(Secret("canary-access"))
RENEWAL = Secret("canary-renewal")


def metadata_for(identity: Identity = IDENTITY, token_id: str = TOKEN_ID) -> Metadata:
    """Return the metadata of a row."""
    return Metadata(token_id=token_id, identity=identity, account="account-1", granted_scopes=("wallet:accounts:read",))


def binding_for(metadata: Metadata, generation: int = 1) -> Binding:
    """Return what the credentials of a row with that metadata are bound to."""
    index = KeyedIndex(access_keyring=access_keyring())
    identity = metadata.identity
    return Binding(
        token_key=index.token_key(identity.client_id, metadata.token_id),
        identity_key=index.identity_key(identity),
        integration=identity.integration,
        scope=identity.scope,
        generation=generation,
    )


def access_row(binding: Binding, sealed: SealedToken) -> AccessRow:
    """Return the columns that a worker reads of a row."""
    return AccessRow(
        shard=0,
        binding=binding,
        state=TokenState.ACTIVE,
        reason=None,
        access_expires_at=None,
        refreshed_at=None,
        refreshable=sealed.renewal_blob is not None,
        format=sealed.format,
        key_epoch=sealed.key_epoch,
        access_key=sealed.access_key,
        access_blob=sealed.access_blob,
        connected_at=0,
        metadata_blob=sealed.metadata_blob,
    )


def next_generation(binding: Binding) -> Binding:
    """Return the binding after a refresh."""
    return replace(binding, generation=binding.generation + 1)


def revealed(credential: Credential) -> tuple[str, ...]:
    """Return a credential's texts."""
    match credential:
        case BearerToken(token):
            return (token.reveal(),)
        case ApiKeyPair(key, secret):
            return key.reveal(), secret.reveal()
