"""The one form of API keys, made and taken apart in one place."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.api_key import MAX_LENGTH, mint, parse

SECRET = "A" * 43


class FixedRandomness:
    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)

    def random_bytes(self, count: int) -> bytes:
        part = self._parts.pop(0) if self._parts else os.urandom(count)
        assert len(part) == count
        return part

    def jitter(self, low: int, high: int) -> int:
        return low + high


def test_a_key_is_its_id_and_256_bits_in_base64url() -> None:
    key = mint(FixedRandomness(b"\xff" * 32, b"\x0a" * 8))
    assert key.key_id == "0a" * 8
    assert key.text().reveal() == f"mmt_{'0a' * 8}_{'_' * 42}8"


def test_what_was_minted_is_taken_apart_again() -> None:
    key = mint(FixedRandomness())
    assert parse(key.text().reveal()) == key


def test_no_two_keys_are_the_same() -> None:
    assert len({mint(FixedRandomness()).text().reveal() for _ in range(100)}) == 100


def test_a_key_does_not_show_its_secret() -> None:
    key = mint(FixedRandomness())
    assert key.secret.reveal() not in repr(key)
    assert key.secret.reveal() not in repr(key.text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mmt_",
        f"mmt_0123456789abcdef_{SECRET}A",
        f"mmt_0123456789abcdef_{SECRET[:-1]}",
        f"mmt_0123456789abcdef_{SECRET[:-1]}=",
        f"mmt_0123456789abcdef_{SECRET}\n",
        f"mmt_0123456789ABCDEF_{SECRET}",
        f"mmt_0123_{SECRET}",
        f"mmt_{'a' * 33}_{SECRET}",
        f"MMT_0123456789abcdef_{SECRET}",
        f"mmt-0123456789abcdef-{SECRET}",
        f" mmt_0123456789abcdef_{SECRET}",
        f"mmt_0123456789abcde\u0661_{SECRET}",
        "mmt_" + "a" * 1_000_000,
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=MAX_LENGTH + 5))
def test_whatever_is_taken_for_a_key_is_one_to_the_letter(text: str) -> None:
    key = parse(text)
    assert key is None or key.text().reveal() == text
