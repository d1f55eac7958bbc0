"""Records of the exchanger open for their purpose, while their epoch lives."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.crypto.contents import KeyringContents, Kind
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.keyring import Reload, RenewalKeyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from tests.crypto.material import SetClock, fixed_contents, renewal_keyring


def sealing_with(keyring: RenewalKeyring) -> RenewalRecordSealing:
    return RenewalRecordSealing(renewal_keyring=keyring, randomness=SystemRandomness())


def read_from(source: Callable[[], KeyringContents]) -> RenewalRecordSealing:
    """Return a sealing that has lost epoch 2 and reads its keyring again from `source`."""
    contents = fixed_contents(Kind.RENEWAL, epochs=(1,), current=1)
    return sealing_with(RenewalKeyring(contents=contents, reload=Reload(source, SetClock())))


SEALING = sealing_with(renewal_keyring())


@given(purpose=st.text(alphabet=st.characters(exclude_categories=["Cs"])), content=st.binary(max_size=2000))
def test_what_was_sealed_opens(purpose: str, content: bytes) -> None:
    assert SEALING.open_record(purpose, SEALING.seal_record(purpose, content)) == content


@given(purpose=st.text(max_size=8), other=st.text(max_size=8), noise=st.binary(max_size=300))
def test_noise_and_other_purposes_open_nothing(purpose: str, other: str, noise: bytes) -> None:
    with pytest.raises(CredentialUnreadableError):
        SEALING.open_record("intent", noise)
    if purpose != other and purpose.isascii() and other.isascii():
        with pytest.raises(CredentialUnreadableError):
            SEALING.open_record(other, SEALING.seal_record(purpose, b"content"))


def test_each_record_has_a_data_key_of_its_own() -> None:
    first, second = (SEALING.seal_record("intent", b"content") for _ in range(2))
    assert first != second
    head, tail = first[:68], second[68:]
    with pytest.raises(CredentialUnreadableError):
        SEALING.open_record("intent", head + tail)


def test_every_changed_and_missing_byte_is_noticed() -> None:
    sealed = SEALING.seal_record("intent", b"content")
    for at in range(len(sealed)):
        for damaged in (sealed[:at], sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]):
            with pytest.raises(CredentialUnreadableError):
                SEALING.open_record("intent", damaged)


def test_a_record_dies_with_its_epoch() -> None:
    sealed = SEALING.seal_record("intent", b"content")
    survivors = fixed_contents(Kind.RENEWAL, epochs=(1, 3), current=3)
    with pytest.raises(CredentialUnreadableError):
        read_from(lambda: survivors).open_record("intent", sealed)


def test_a_record_is_not_taken_for_dead_while_the_keyring_cannot_be_read() -> None:
    def unreadable() -> KeyringContents:
        raise KeyringError("the root key does not answer")

    sealed = SEALING.seal_record("intent", b"content")
    sealing = read_from(unreadable)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            sealing.open_record("intent", sealed)


def test_a_record_of_a_newer_epoch_opens_after_reading_the_keyring_again() -> None:
    sealed = SEALING.seal_record("intent", b"content")
    assert read_from(lambda: fixed_contents(Kind.RENEWAL)).open_record("intent", sealed) == b"content"


def test_a_record_is_lost_when_its_epoch_is_gone_below_a_newer_one_and_never_else() -> None:
    sealed = SEALING.seal_record("intent", b"content")

    def is_lost(record: bytes, *epochs: int) -> bool:
        return sealing_with(renewal_keyring(epochs=epochs, current=epochs[-1])).is_lost(record)

    assert is_lost(sealed, 1, 3)
    assert not is_lost(sealed, 1, 2)
    assert not is_lost(sealed, 1)
    assert not is_lost(sealed[:40], 1, 3)
    assert not is_lost(b"\xff" + sealed[1:], 1, 3)


def test_a_record_lacks_its_key_where_the_keyring_has_none_of_its_epoch_older_or_newer() -> None:
    sealed = SEALING.seal_record("intent", b"content")

    def lacks_key(record: bytes, *epochs: int) -> bool:
        return sealing_with(renewal_keyring(epochs=epochs, current=epochs[-1])).lacks_key(record)

    assert lacks_key(sealed, 1, 3)
    assert lacks_key(sealed, 1)
    assert not lacks_key(sealed, 1, 2)
    assert not lacks_key(sealed[:40], 1, 3)
    assert not lacks_key(b"\xff" + sealed[1:], 1, 3)
    assert not lacks_key(sealed[:2] + bytes(4) + sealed[6:], 1, 3), "a head that was torn"
