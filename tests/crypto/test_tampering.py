"""A message opens whole and under its own key, or not at all."""

import hmac
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmt_grpc.crypto import associated
from mmt_grpc.crypto.envelope import COMMITMENT_LENGTH, DERIVATION, OVERHEAD, DataKey
from mmt_grpc.crypto.epoch import WRAPPED_KEY_LENGTH
from mmt_grpc.crypto.plaintext import encode_metadata
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.model import Metadata
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import (
    CREDENTIAL,
    RENEWAL,
    TOKEN_ID,
    access_keyring,
    access_row,
    fixed_key,
    metadata_for,
)
from tests.crypto.vectors.second_implementation import hkdf

COLUMNS = ("access_key", "renewal_key", "access_blob", "renewal_blob", "metadata_blob")
every_column = pytest.mark.parametrize("column", COLUMNS)


def refused(sealing: RowSealing, binding: Binding, sealed: SealedToken) -> bool:
    try:
        sealing.open(binding, sealed)
    except CredentialUnreadableError:
        return True
    return False


def with_column(sealed: SealedToken, column: str, value: bytes) -> SealedToken:
    return replace(sealed, **{column: value})  # type: ignore[arg-type]  # all five are bytes


@every_column
def test_every_flipped_bit_is_noticed(sealing: RowSealing, binding: Binding, sealed: SealedToken, column: str) -> None:
    value = getattr(sealed, column)
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refused(sealing, binding, with_column(sealed, column, bytes(flipped))), bit


@every_column
def test_every_truncation_and_extension_is_noticed(
    sealing: RowSealing, binding: Binding, sealed: SealedToken, column: str
) -> None:
    value = getattr(sealed, column)
    for length in range(len(value)):
        assert refused(sealing, binding, with_column(sealed, column, value[:length])), length
        assert refused(sealing, binding, with_column(sealed, column, value[length + 1 :])), length
    assert refused(sealing, binding, with_column(sealed, column, value + b"\x00"))


def test_another_format_is_not_guessed_at(
    sealing: RowSealing, access_sealing: RowAccessSealing, binding: Binding, sealed: SealedToken
) -> None:
    foreign = replace(sealed, format=2)
    openings: list[Callable[[], object]] = [
        lambda: sealing.open(binding, foreign),
        lambda: sealing.open_metadata(binding, foreign),
        lambda: sealing.reseal(binding=binding, sealed=foreign, credential=CREDENTIAL, renewal=RENEWAL),
        lambda: sealing.rewrap(binding.token_key, foreign),
        lambda: access_sealing.open_access(access_row(binding, foreign)),
        lambda: access_sealing.open_metadata(access_row(binding, foreign)),
    ]
    for opening in openings:
        with pytest.raises(CredentialUnreadableError):
            opening()


def test_a_plaintext_is_never_taken_for_a_message(sealing: RowSealing, binding: Binding, sealed: SealedToken) -> None:
    plain = encode_metadata(metadata_for())
    assert refused(sealing, binding, replace(sealed, metadata_blob=plain))
    assert refused(sealing, binding, replace(sealed, metadata_blob=associated.PREFIX + plain))


def test_an_epoch_that_was_changed_by_hand_opens_nothing(
    sealing: RowSealing, binding: Binding, sealed: SealedToken
) -> None:
    assert refused(sealing, binding, replace(sealed, key_epoch=1))
    for unknown in (0, -1, 3, 2**40):
        with pytest.raises(StoreUnavailableError):
            sealing.open(binding, replace(sealed, key_epoch=unknown))


def test_metadata_that_was_not_read_does_not_open(
    access_sealing: RowAccessSealing, binding: Binding, sealed: SealedToken
) -> None:
    with pytest.raises(CredentialUnreadableError):
        access_sealing.open_metadata(replace(access_row(binding, sealed), metadata_blob=None))


@pytest.mark.parametrize(
    "foreign",
    [
        metadata_for(replace(metadata_for().identity, end_user_id="user-2")),
        metadata_for(token_id=TOKEN_ID.replace("a", "b")),
    ],
    ids=["another identity", "another token id"],
)
def test_metadata_of_another_row_is_refused_even_if_it_was_sealed_for_this_one(
    sealing: RowSealing, binding: Binding, sealed: SealedToken, foreign: Metadata
) -> None:
    material = access_keyring().require(2).unwrap(sealed.access_key, associated.ACCESS, binding.token_key)
    blob = DataKey(material).seal(encode_metadata(foreign), associated.metadata(binding), bytes(12))
    assert refused(sealing, binding, replace(sealed, metadata_blob=blob))


def test_metadata_of_another_row_is_not_sealed(sealing: RowSealing, binding: Binding) -> None:
    for mismatched in (replace(binding, token_key=bytes(32)), replace(binding, integration="uphold")):
        with pytest.raises(ValueError, match="another row"):
            sealing.seal_connection(binding=mismatched, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for())


def test_a_sealed_row_has_the_documented_sizes(sealed: SealedToken) -> None:
    assert WRAPPED_KEY_LENGTH == len(sealed.access_key) == len(sealed.renewal_key) == 62
    # Two framed parts: the label and the text, each behind its length.
    assert len(sealed.access_blob) == OVERHEAD + 4 + len("bearer") + 4 + len("canary-access")


def multiply(left: int, right: int) -> int:
    """Multiply in GCM's field of 2^128 elements."""
    product = 0
    for bit in range(127, -1, -1):
        product ^= right if left >> bit & 1 else 0
        right = right >> 1 ^ (0xE1 << 120 if right & 1 else 0)
    return product


def inverse(element: int) -> int:
    """Return the element to the power 2^128 - 2."""
    power, result = element, 1 << 127
    for _ in range(127):
        power = multiply(power, power)
        result = multiply(result, power)
    return result


def ciphertext_for_both(first: bytes, second: bytes, nonce: bytes, bound: bytes) -> bytes:
    """Return one block and tag that AES-GCM opens under both keys: the tags' difference solved for the block."""
    length = (8 * len(bound)) << 64 | 128
    constants, squares, masks = [], [], []
    for key in (first, second):
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  # a block at a time, as GCM does
        blocks = encryptor.update(bytes(16) + nonce + b"\x00\x00\x00\x01")
        hash_key, mask = int.from_bytes(blocks[:16]), int.from_bytes(blocks[16:])
        digest = multiply(int.from_bytes(bound), hash_key)
        square = multiply(hash_key, hash_key)
        constants.append(multiply(digest, square) ^ multiply(length, hash_key) ^ mask)
        squares.append(square)
        masks.append(mask)
    block = multiply(constants[0] ^ constants[1], inverse(squares[0] ^ squares[1]))
    tag = multiply(block, squares[0]) ^ constants[0]
    return block.to_bytes(16) + tag.to_bytes(16)


def test_a_ciphertext_that_two_keys_open_is_refused_by_the_commitment() -> None:
    materials = [fixed_key("honest"), fixed_key("attacker")]
    derived = [hkdf(material, DERIVATION, 64) for material in materials]
    nonce, bound = bytes(12), b"sixteen bytes ad"
    both = ciphertext_for_both(derived[0][:32], derived[1][:32], nonce, bound)
    texts = [AESGCM(keys[:32]).decrypt(nonce, both, bound) for keys in derived]
    assert texts[0] != texts[1]

    for committed, other in ((0, 1), (1, 0)):
        message = associated.PREFIX + derived[committed][32:] + nonce + both
        assert DataKey(materials[committed]).open(message, bound) == texts[committed]
        with pytest.raises(CredentialUnreadableError):
            DataKey(materials[other]).open(message, bound)


def test_the_commitment_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append(len(left))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", watched)
    key = DataKey(bytes(32))
    assert key.open(key.seal(b"text", b"", bytes(12)), b"") == b"text"
    assert compared == [COMMITMENT_LENGTH]
