"""End user ids: exact, nothing folded, nothing trimmed, nothing invisible that changes how the rest reads."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.domain.end_user import MAX_CODE_POINTS, flaw
from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.domain.model import Identity, Scope
from tests.crypto.material import access_keyring
from tests.support.fakes_world import Client, World

FORBIDDEN = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
INDEX = KeyedIndex(access_keyring=access_keyring())


@pytest.mark.parametrize(
    "end_user_id",
    [
        "a",
        " ",
        " alice ",
        "ALICE",
        "alice@example.com",
        "\u00e9",
        "\u65e5\u672c\u8a9e",
        "\U0001f469\u200d\U0001f467",
        "a" * MAX_CODE_POINTS,
        "\U0001d11e" * MAX_CODE_POINTS,
        "\u00ad",
    ],
)
def test_what_is_merely_unusual_is_accepted(end_user_id: str) -> None:
    assert flaw(end_user_id) is None


@pytest.mark.parametrize("length", [MAX_CODE_POINTS + 1, 300, 100_000])
def test_more_than_256_code_points_are_refused(length: int) -> None:
    assert flaw("a" * length) is not None


def test_none_is_refused() -> None:
    assert flaw("") is not None


@pytest.mark.parametrize("point", [*range(0x20), *range(0x7F, 0xA0)])
def test_control_characters_are_refused(point: int) -> None:
    assert flaw(f"alice{chr(point)}") == "must not contain control characters"


@pytest.mark.parametrize("point", FORBIDDEN)
def test_bidirectional_controls_and_byte_order_marks_are_refused_wherever_they_stand(point: int) -> None:
    for text in (f"{chr(point)}alice", f"al{chr(point)}ice", f"alice{chr(point)}"):
        assert flaw(text) == "must not contain bidirectional controls or byte order marks"


@pytest.mark.parametrize("point", [0x061B, 0x200D, 0x2010, 0x2029, 0x202F, 0x2065, 0x206A, 0xFEFE])
def test_their_neighbours_are_not(point: int) -> None:
    assert flaw(f"al{chr(point)}ice") is None


@pytest.mark.parametrize("text", ["e\u0301", "\u212b", "\u0344", "\u1100\u1161"])
def test_what_is_not_normalised_is_refused_and_not_folded(text: str) -> None:
    assert flaw(text) == "must be in Unicode NFC"
    assert flaw(unicodedata.normalize("NFC", text)) is None


def test_half_a_surrogate_pair_is_refused() -> None:
    assert flaw("al\ud800ice") == "must be valid Unicode"


@given(st.text())
def test_a_flaw_is_a_fixed_sentence_that_never_quotes_the_id(text: str) -> None:
    sentence = flaw(text)

    assert sentence is None or sentence.startswith("must ")
    assert sentence is None or sentence in {
        "must not be empty",
        "must have at most 256 code points",
        "must not contain control characters",
        "must not contain bidirectional controls or byte order marks",
        "must be valid Unicode",
        "must be in Unicode NFC",
    }


@given(st.text(min_size=1, max_size=MAX_CODE_POINTS))
def test_what_is_accepted_is_exactly_what_the_rules_allow(text: str) -> None:
    allowed = (
        unicodedata.is_normalized("NFC", text)
        and not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)
        and not any(ord(char) in FORBIDDEN for char in text)
    )

    assert (flaw(text) is None) == allowed


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_that_differ_at_all_are_two_users(one: str, two: str) -> None:
    if flaw(one) is not None or flaw(two) is not None:
        return
    keys = [INDEX.identity_key(Identity("client-1", text, "coinbase", Scope.READ)) for text in (one, two)]

    assert (keys[0] == keys[1]) == (one == two)


def test_a_flaw_is_refused_before_the_integration_is_looked_at(world: World, client: Client) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        client.connect("", world.coinbase.authorize("alice"), integration="metamask")

    assert [(violation.field, violation.description) for violation in refusal.value.violations] == [
        ("end_user_id", "must not be empty")
    ]
