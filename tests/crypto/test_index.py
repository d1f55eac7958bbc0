"""Keyed hashes keep apart whatever differs, whoever chooses the names."""

import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.crypto.contents import Label
from mmt_grpc.crypto.index import KeyedCallerMacs, KeyedIndex, KeyedRequestIndex
from mmt_grpc.domain.model import Identity, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_id import SHARDS
from tests.crypto.material import TOKEN_ID, access_keyring

KEYRING = access_keyring()
INDEX = KeyedIndex(access_keyring=KEYRING)
REQUESTS = KeyedRequestIndex(access_keyring=KEYRING)
MACS = KeyedCallerMacs(access_keyring=KEYRING)

# Few characters, so that parts often meet at other boundaries; surrogates cannot come from the wire.
names = st.text(alphabet=st.sampled_from("ab\x00é:/"), max_size=4)
identities = st.builds(Identity, names, names, names, st.sampled_from(Scope))


@given(st.lists(identities, min_size=2, max_size=30, unique=True))
def test_different_identities_have_different_keys(different: list[Identity]) -> None:
    assert len({INDEX.identity_key(identity) for identity in different}) == len(different)


@given(st.lists(st.tuples(names, names), min_size=2, max_size=30, unique=True))
def test_different_pairs_of_names_have_different_keys(pairs: list[tuple[str, str]]) -> None:
    for keyed in (INDEX.end_user_key, INDEX.account_key, REQUESTS.request_key, MACS.client_mac):
        assert len({keyed(*pair) for pair in pairs}) == len(pairs)


def test_the_same_names_hash_differently_as_different_things() -> None:
    hashes = [
        INDEX.token_key("a", "b"),
        INDEX.end_user_key("a", "b"),
        INDEX.account_key("a", "b"),
        INDEX.client_key("a"),
        INDEX.index_check(),
        REQUESTS.request_key("a", "b"),
        MACS.client_mac("a", "b"),
    ]
    assert len(set(hashes)) == len(hashes)
    assert {len(value) for value in hashes} == {32}


def test_a_token_id_names_the_same_row_in_either_case_but_only_to_its_client() -> None:
    assert INDEX.token_key("client-1", TOKEN_ID.upper()) == INDEX.token_key("client-1", TOKEN_ID)
    assert INDEX.token_key("client-2", TOKEN_ID) != INDEX.token_key("client-1", TOKEN_ID)


def test_look_alikes_and_trailing_blanks_are_other_users() -> None:
    users = ["alice", "ALICE", "alicé", "alicе", "alice ", " alice", "alice\x00"]  # noqa: RUF001  # a Cyrillic e
    assert len({INDEX.end_user_key("client-1", user) for user in users}) == len(users)


def test_shards_have_12_bits_and_are_all_used() -> None:
    shards = {INDEX.shard("client-1", f"user-{number}") for number in range(60_000)}
    assert shards == set(range(SHARDS))


def test_an_api_keys_mac_covers_each_of_its_fields() -> None:
    def mac(key_id: str, client_id: str, scope: Scope, disabled: bool, secret: str) -> bytes:  # noqa: FBT001  # a table
        return MACS.api_key_mac(
            key_id=key_id, client_id=client_id, scope=scope, disabled=disabled, secret=Secret(secret)
        )

    every = list(itertools.product(("a", "ab"), ("b", "bb"), Scope, (False, True), ("c", "bc")))
    assert len({mac(*fields) for fields in every}) == len(every) == 32


def test_each_labelled_key_is_one_of_its_own() -> None:
    assert len({KEYRING.labelled(label).reveal() for label in Label}) == len(Label) == 4


LONE_SURROGATE = "canary-\ud800"
REFUSALS: Sequence[Callable[[], object]] = (
    lambda: INDEX.account_key("coinbase", LONE_SURROGATE),
    lambda: INDEX.token_key("client-1", LONE_SURROGATE),
    lambda: REQUESTS.request_key("client-1", LONE_SURROGATE),
    lambda: MACS.client_mac("client-1", LONE_SURROGATE),
)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_text_that_is_no_unicode_is_refused_without_quoting_it(refusal: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^a text that is not valid Unicode$") as caught:
        refusal()
    assert caught.value.__context__ is None
