"""Token ids: a shard, a version, and nothing else but randomness."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.token_id import SHARDS, mint, normalise, shard_of
from tests.support.fakes_clock import SeededRandomness


class Fixed:
    """Randomness of one byte over and over."""

    def __init__(self, byte: int) -> None:
        self._byte = byte

    def random_bytes(self, count: int) -> bytes:
        return bytes([self._byte]) * count

    def jitter(self, low: int, high: int) -> int:
        return low if low == high else high


@given(shard=st.integers(0, SHARDS - 1), seed=st.integers())
def test_a_minted_id_is_a_uuid_of_version_8_that_names_its_shard(shard: int, seed: int) -> None:
    text = mint(shard, SeededRandomness(seed))

    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert str(parsed) == text == normalise(text)
    assert shard_of(text) == shard


def test_110_bits_are_random_and_no_other() -> None:
    ones, zeros = (uuid.UUID(mint(0xABC, Fixed(byte))).int for byte in (0xFF, 0x00))

    assert (ones ^ zeros).bit_count() == 110
    assert uuid.UUID(int=zeros) == uuid.UUID("abc00000-0000-8000-8000-000000000000")


@pytest.mark.parametrize("shard", [-1, SHARDS])
def test_there_is_no_other_shard(shard: int) -> None:
    with pytest.raises(ValueError, match="a shard is 0 to 4095"):
        mint(shard, Fixed(0))


@given(st.uuids())
def test_a_uuid_of_any_version_in_either_case_is_lower_cased(value: uuid.UUID) -> None:
    assert normalise(str(value)) == normalise(str(value).upper()) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5f30a1b2c3d48e5fa6b7c8d9e0f1a2b3",
        "{5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3}",
        "urn:uuid:5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3",
        " 5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3",
        "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3\n",
        "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b",
        "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b33",
        "gf30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3",
        "\u0665f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3",
        "5f30a1b2_c3d4_8e5f_a6b7_c8d9e0f1a2b3",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert normalise(text) is None


@given(st.text())
def test_whatever_arrives_is_a_normalised_id_or_none(text: str) -> None:
    normalised = normalise(text)

    assert normalised is None or (len(normalised) == 36 and normalised == text.lower())
