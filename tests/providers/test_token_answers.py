"""Nothing garbled passes for a token, and no token is lost to a garbled detail."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.model import BearerToken
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.message import Answer
from mmt_grpc.providers.token_answer import (
    GarbledError,
    at_path,
    read_account,
    read_scopes,
    read_seconds,
    read_tokens,
)

GOOD = {"access_token": "access", "token_type": "bearer"}


def tokens(body: bytes) -> Issued:
    return read_tokens(Answer(200, {}, body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"access_token"',
        b"<html>",
        b"\xff\xfe{}",
        b'{"access_token": "half',
        b"[" * 60_000,
        json.dumps(GOOD).encode("utf-16"),
        b"{}",
        *(
            json.dumps({**GOOD, "access_token": value}).encode()
            for value in (None, "", 7, True, ["a"], {"a": 1}, "a\nb", "a\x00", "a\x7f", " a", "ä", "\ud800", "a" * 8193)
        ),
        *(json.dumps({**GOOD, "token_type": value}).encode() for value in ("mac", "DPoP", "", 1, ["bearer"])),
        *(json.dumps({**GOOD, "refresh_token": value}).encode() for value in (7, False, "a\r\nb", "a" * 8193)),
    ],
)
def test_what_is_no_token_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(GarbledError, match=r"^the answer is garbled$"):
        tokens(body)


@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER", None])
def test_a_bearer_token_is_one_however_it_is_spelt(kind: str | None) -> None:
    issued = tokens(json.dumps({**GOOD, "token_type": kind}).encode())
    assert issued == Issued(BearerToken(Secret("access")), None, None, None)


def test_a_token_of_the_longest_length_is_kept() -> None:
    assert tokens(json.dumps({**GOOD, "access_token": "a" * 8192}).encode()).credential == BearerToken(
        Secret("a" * 8192)
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3600", 3600.0),
        ("3599.5", 3599.5),
        ('"3600"', 3600.0),
        ('" 60 "', 60.0),
        ("0", 0.0),
        ("null", None),
        ("-1", None),
        ('"-1"', None),
        ("true", None),
        ("[]", None),
        ("{}", None),
        ('"soon"', None),
        ('""', None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999", None),
        ("1e300", None),
        ("1" + "0" * 400, None),
        ("-" + "1" * 5000, None),
        ("1790000000000", None),
    ],
)
def test_a_lifetime_that_cannot_be_meant_is_not_said_and_costs_no_token(value: str, seconds: float | None) -> None:
    issued = tokens(b'{"access_token":"access","refresh_token":"renewal","expires_in":%s}' % value.encode())
    assert (issued.expires_in, issued.renewal) == (seconds, Secret("renewal"))


@pytest.mark.parametrize("value", [None, ""])
def test_no_refresh_token_means_keep_the_old(value: str | None) -> None:
    assert tokens(json.dumps({**GOOD, "refresh_token": value}).encode()).renewal is None


@pytest.mark.parametrize(
    ("value", "scopes"),
    [
        (None, None),
        ("", None),
        ("read", ("read",)),
        ("read write", ("read", "write")),
        ("read,write", ("read", "write")),
        (" read,  write ", ("read", "write")),
        (["read", "write", "read"], ("read", "write")),
        ([], ()),
        (7, ()),
        ({"read": True}, ()),
        (["read", 7], ()),
        (["read write"], ()),
        ("re\x00ad", ()),
        ("reäd", ()),
    ],
)
def test_scopes_that_cannot_be_read_grant_nothing(value: object, scopes: tuple[str, ...] | None) -> None:
    assert read_scopes(value) == scopes


@pytest.mark.parametrize(
    ("value", "account"),
    [("abc", "abc"), (12345678901234567890, "12345678901234567890"), (0, "0"), ("Ünï", "Ünï")],
)
def test_an_account_is_a_text_or_a_whole_number(value: object, account: str) -> None:
    assert read_account(value) == account


@pytest.mark.parametrize("value", [None, "", True, 1.5, [], {}, "a\nb", "\ud800", "a" * 257])
def test_anything_else_is_no_account(value: object) -> None:
    with pytest.raises(GarbledError):
        read_account(value)


def test_a_dotted_path_leads_through_objects_only() -> None:
    fields = {"data": {"id": 7, "list": [1]}}
    assert [at_path(fields, path) for path in ("data.id", "data.id.x", "data.none", "none.id", "data.list.0")] == [
        7,
        None,
        None,
        None,
        None,
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("access_token", "refresh_token", "token_type", "expires_in", "scope", "refresh_token_expires_in")


@given(st.binary() | st.dictionaries(st.sampled_from(FIELDS), json_values).map(lambda d: json.dumps(d).encode()))
def test_any_bytes_are_either_a_token_or_garbled(body: bytes) -> None:
    try:
        issued = tokens(body)
    except GarbledError:
        return
    assert isinstance(issued.credential, BearerToken)
    assert issued.credential.token.reveal().isascii()
    assert issued.expires_in is None or 0 <= issued.expires_in < 10**9


@given(json_values)
def test_any_value_is_a_lifetime_or_none(value: Any) -> None:
    seconds = read_seconds(value)
    assert seconds is None or 0 <= seconds < 10**9
