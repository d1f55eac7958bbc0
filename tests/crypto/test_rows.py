"""Whatever a provider may bring comes back as it was, through Connect, refreshes and changes of the epoch."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.crypto import associated
from mmt_grpc.crypto.contents import Kind
from mmt_grpc.crypto.envelope import DataKey
from mmt_grpc.crypto.keyring import AccessKeyring, Reload
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import (
    CREDENTIAL,
    RENEWAL,
    TOKEN_ID,
    SetClock,
    access_keyring,
    access_row,
    binding_for,
    fixed_contents,
    metadata_for,
    next_generation,
    renewal_keyring,
)

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
secrets = st.builds(Secret, texts)
credentials = st.builds(BearerToken, secrets) | st.builds(ApiKeyPair, secrets, secrets)
metadata = st.builds(
    Metadata,
    token_id=st.uuids().map(str),
    identity=st.builds(Identity, texts, texts, texts, st.sampled_from(Scope)),
    account=st.none() | texts,
    granted_scopes=st.lists(texts, max_size=4).map(tuple),
)


def sealing_with(*, current: int, epochs: tuple[int, ...] = (1, 2)) -> RowSealing:
    return RowSealing(
        access_keyring=access_keyring(epochs=epochs, current=current),
        renewal_keyring=renewal_keyring(epochs=epochs, current=current),
        randomness=SystemRandomness(),
    )


SEALING = sealing_with(current=2)
WORKER = RowAccessSealing(access_keyring=access_keyring())


@given(credential=credentials, renewal=st.none() | secrets, metadata=metadata, generation=st.integers(1, 2**62))
def test_what_was_sealed_opens(
    credential: BearerToken | ApiKeyPair, renewal: Secret | None, metadata: Metadata, generation: int
) -> None:
    binding = binding_for(metadata, generation)
    sealed = SEALING.seal_connection(binding=binding, credential=credential, renewal=renewal, metadata=metadata)
    opened = SEALING.open(binding, sealed)
    assert (opened.credential, opened.renewal, opened.metadata) == (credential, renewal, metadata)
    assert WORKER.open_access(access_row(binding, sealed)) == credential
    assert WORKER.open_metadata(access_row(binding, sealed)) == metadata == SEALING.open_metadata(binding, sealed)


@given(credential=credentials, renewal=st.none() | secrets)
def test_a_refresh_replaces_the_blobs_and_no_key(credential: BearerToken | ApiKeyPair, renewal: Secret | None) -> None:
    binding = binding_for(metadata_for())
    sealed = SEALING.seal_connection(binding=binding, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for())
    later = next_generation(binding)
    access, renewed = SEALING.reseal(binding=later, sealed=sealed, credential=credential, renewal=renewal)
    row = replace(sealed, access_blob=access, renewal_blob=renewed)
    opened = SEALING.open(later, row)
    assert (opened.credential, opened.renewal, opened.metadata) == (credential, renewal, metadata_for())
    with pytest.raises(CredentialUnreadableError):
        SEALING.open(binding, row)


@given(noise=st.binary(max_size=400))
def test_noise_opens_nothing(noise: bytes) -> None:
    binding = binding_for(metadata_for())
    sealed = SealedToken(1, 2, noise, noise, noise, noise, noise)
    with pytest.raises(CredentialUnreadableError):
        SEALING.open(binding, sealed)
    with pytest.raises(CredentialUnreadableError):
        WORKER.open_access(access_row(binding, sealed))


def test_the_same_connection_sealed_twice_shares_no_bytes(binding: Binding, sealed: SealedToken) -> None:
    again = SEALING.seal_connection(binding=binding, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for())
    for column in ("access_key", "renewal_key", "access_blob", "renewal_blob", "metadata_blob"):
        assert getattr(again, column) != getattr(sealed, column)


def test_wrapping_anew_changes_the_keys_alone_and_then_the_old_epoch_may_go(binding: Binding) -> None:
    sealed = sealing_with(current=1).seal_connection(
        binding=binding, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for()
    )
    keys = SEALING.rewrap(binding.token_key, sealed)
    row = replace(sealed, key_epoch=keys.key_epoch, access_key=keys.access_key, renewal_key=keys.renewal_key)
    alone = sealing_with(current=2, epochs=(2,))
    assert alone.open(binding, row).renewal == RENEWAL
    with pytest.raises(StoreUnavailableError):
        alone.open(binding, sealed)
    with pytest.raises(StoreUnavailableError):
        alone.rewrap(binding.token_key, sealed)
    with pytest.raises(CredentialUnreadableError):
        SEALING.rewrap(bytes(32), sealed)


def test_nothing_is_sealed_while_the_current_epoch_has_no_renewal_key(binding: Binding) -> None:
    half = RowSealing(
        access_keyring=access_keyring(current=2),
        renewal_keyring=renewal_keyring(epochs=(1,), current=1),
        randomness=SystemRandomness(),
    )
    with pytest.raises(StoreUnavailableError):
        half.seal_connection(binding=binding, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for())


def test_a_worker_that_meets_a_new_epoch_asks_for_its_keyring_again(binding: Binding, sealed: SealedToken) -> None:
    old = fixed_contents(Kind.ACCESS, epochs=(1,), current=1)
    asked = Reload(lambda: fixed_contents(Kind.ACCESS), SetClock())
    worker = RowAccessSealing(access_keyring=AccessKeyring(contents=old, reload=asked))
    assert worker.open_access(access_row(binding, sealed)) == CREDENTIAL
    deaf = RowAccessSealing(access_keyring=AccessKeyring(contents=old))
    with pytest.raises(StoreUnavailableError):
        deaf.open_access(access_row(binding, sealed))


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"noise",
        frame(b"bearer"),
        frame(b"bearer", b"token", b"more"),
        frame(b"api_key", b"key"),
        frame(b"refresh", b"token"),
        frame(b"other", b"token"),
        frame(b"bearer", b"\xff"),
    ],
)
def test_a_credential_of_no_known_shape_is_unreadable(binding: Binding, sealed: SealedToken, plaintext: bytes) -> None:
    material = access_keyring().current.unwrap(sealed.access_key, associated.ACCESS, binding.token_key)
    bound = associated.credential(associated.ACCESS, binding)
    blob = DataKey(material).seal(plaintext, bound, bytes(12))
    with pytest.raises(CredentialUnreadableError) as caught:
        WORKER.open_access(access_row(binding, replace(sealed, access_blob=blob)))
    assert not isinstance(caught.value.__context__, UnicodeError)


@pytest.mark.parametrize("plaintext", [b"", frame(b"refresh"), frame(b"bearer", b"t"), frame(b"refresh", b"\xff")])
def test_a_renewal_of_no_known_shape_is_unreadable(binding: Binding, sealed: SealedToken, plaintext: bytes) -> None:
    material = renewal_keyring().current.unwrap(sealed.renewal_key, associated.RENEWAL, binding.token_key)
    bound = associated.credential(associated.RENEWAL, binding)
    blob = DataKey(material).seal(plaintext, bound, bytes(12))
    with pytest.raises(CredentialUnreadableError):
        SEALING.open(binding, replace(sealed, renewal_blob=blob))


@pytest.mark.parametrize(
    ("at", "part"),
    [(0, b"\x02"), (5, b"\x03"), (5, b""), (6, frame(b"one", b"two")), (6, b"noise"), (7, b"noise"), (1, b"\xff")],
)
def test_metadata_of_no_known_shape_is_unreadable(binding: Binding, sealed: SealedToken, at: int, part: bytes) -> None:
    identity = metadata_for().identity
    names = (TOKEN_ID, identity.client_id, identity.end_user_id, identity.integration)
    parts = [b"\x01", *(name.encode() for name in names), b"\x01", b"", b""]
    material = access_keyring().current.unwrap(sealed.access_key, associated.ACCESS, binding.token_key)

    def with_parts(given: list[bytes]) -> SealedToken:
        blob = DataKey(material).seal(frame(*given), associated.metadata(binding), bytes(12))
        return replace(sealed, metadata_blob=blob)

    assert SEALING.open_metadata(binding, with_parts(parts)).account is None
    parts[at] = part
    with pytest.raises(CredentialUnreadableError):
        SEALING.open_metadata(binding, with_parts(parts))


def test_a_secret_that_is_no_unicode_is_refused_without_quoting_it(binding: Binding) -> None:
    with pytest.raises(ValueError, match=r"^a text that is not valid Unicode$") as caught:
        SEALING.seal_connection(
            binding=binding, credential=BearerToken(Secret("canary-\ud800")), renewal=None, metadata=metadata_for()
        )
    assert caught.value.__context__ is None
