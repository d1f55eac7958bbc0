"""Malformed fields are named, all at once, and their values are not repeated."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from tests.support.clients import READ, WRITE, refusal, token_of
from tests.support.service import Service, someone
from tests.system.requests import CODE, METHODS, TOKEN_ID

pytestmark = pytest.mark.usefixtures("healthy")
YEAR_10000 = 253_402_300_800
PAST = {"seconds": 1_600_000_000}

# Method, what is put over a good request, and the fields that the refusal names.
MALFORMED: list[tuple[str, dict[str, Any], set[str]]] = [
    ("Connect", {"end_user_id": ""}, {"end_user_id"}),
    ("Connect", {"end_user_id": "u" * 257}, {"end_user_id"}),
    ("Connect", {"end_user_id": "\U0001d518" * 300}, {"end_user_id"}),
    ("Connect", {"end_user_id": "a\x00b"}, {"end_user_id"}),
    ("Connect", {"end_user_id": "a\nb"}, {"end_user_id"}),
    ("Connect", {"end_user_id": "a\x7fb"}, {"end_user_id"}),
    ("Connect", {"end_user_id": "a\x85b"}, {"end_user_id"}),
    *(("Connect", {"end_user_id": f"a{chr(point)}b"}, {"end_user_id"}) for point in (0x61C, 0x200E, 0x200F)),
    *(("Connect", {"end_user_id": f"a{chr(point)}b"}, {"end_user_id"}) for point in range(0x202A, 0x202F)),
    *(("Connect", {"end_user_id": f"a{chr(point)}b"}, {"end_user_id"}) for point in range(0x2066, 0x206A)),
    ("Connect", {"end_user_id": "\ufeffuser"}, {"end_user_id"}),
    ("Connect", {"end_user_id": "cafe\u0301"}, {"end_user_id"}),
    ("Connect", {"integration": ""}, {"integration"}),
    ("Connect", {"integration": "Coinbase"}, {"integration"}),
    ("Connect", {"integration": "coinbase\n"}, {"integration"}),
    ("Connect", {"integration": "\u0441oinbase"}, {"integration"}),  # Cyrillic
    ("Connect", {"integration": "a" * 64}, {"integration"}),
    ("Connect", {"integration": "../etc"}, {"integration"}),
    ("Connect", {"scope": 3}, {"scope"}),
    ("Connect", {"scope": -1}, {"scope"}),
    ("Connect", {"request_id": "r" * 129}, {"request_id"}),
    ("Connect", {"authorization_code": CODE | {"code": ""}}, {"authorization_code.code"}),
    ("Connect", {"authorization_code": CODE | {"code": "c" * 8193}}, {"authorization_code.code"}),
    ("Connect", {"authorization_code": CODE | {"redirect_uri": "r" * 2049}}, {"authorization_code.redirect_uri"}),
    ("Connect", {"oauth_tokens": {}}, {"oauth_tokens.access_token"}),
    ("Connect", {"oauth_tokens": {"access_token": "t" * 8193}}, {"oauth_tokens.access_token"}),
    (
        "Connect",
        {"oauth_tokens": {"access_token": "t", "expire_time": PAST}},
        {"oauth_tokens.expire_time"},
    ),
    (
        "Connect",
        {"oauth_tokens": {"access_token": "t", "expire_time": {"seconds": YEAR_10000}}},
        {"oauth_tokens.expire_time"},
    ),
    (
        "Connect",
        {"oauth_tokens": {"access_token": "t", "expire_time": {"seconds": 2_000_000_000, "nanos": -1}}},
        {"oauth_tokens.expire_time"},
    ),
    ("Connect", {"oauth_tokens": {"access_token": "t", "granted_scopes": ["a b"]}}, {"oauth_tokens.granted_scopes"}),
    (
        "Connect",
        {"integration": "binance", "session": {"token": "t", "expire_time": PAST}},
        {"session.expire_time"},
    ),
    ("Connect", {"integration": "binance", "session": {}}, {"session.token"}),
    (
        "Connect",
        {"integration": "binance", "user_credentials": {"username": "u", "password": "p" * 8193}},
        {"user_credentials.password"},
    ),
    ("Connect", {"integration": "binance", "api_key": {"key": "k"}}, {"api_key.secret"}),
    ("Connect", {"integration": "binance"}, {"grant"}),
    ("Connect", {"api_key": {"key": "k", "secret": "s"}}, {"grant"}),
    ("Resolve", {"token_id": ""}, {"token_id"}),
    ("Resolve", {"token_id": TOKEN_ID + "\n"}, {"token_id"}),
    ("Resolve", {"token_id": TOKEN_ID.replace("-", "")}, {"token_id"}),
    ("Resolve", {"token_id": TOKEN_ID.replace("1", "\uff11")}, {"token_id"}),
    ("Resolve", {"required_scope": 0}, {"required_scope"}),
    ("Resolve", {"required_scope": 99}, {"required_scope"}),
    ("Resolve", {"end_user_id": "e\u0301"}, {"end_user_id"}),
    ("Resolve", {"end_user_id": "u" * 300}, {"end_user_id"}),
    ("Resolve", {"rejected_generation": -1}, {"rejected_generation"}),
    ("Resolve", {"rejected_generation": -(2**63)}, {"rejected_generation"}),
    ("Resolve", {"min_validity": {"seconds": 86_401}}, {"min_validity"}),
    ("Resolve", {"min_validity": {"seconds": -1}}, {"min_validity"}),
    ("Resolve", {"min_validity": {"seconds": 2**62}}, {"min_validity"}),
    ("Resolve", {"min_validity": {"seconds": 1, "nanos": -1}}, {"min_validity"}),
    ("Revoke", {"token_id": "x" * 36}, {"token_id"}),
    ("CheckScope", {"required_scope": 0}, {"required_scope"}),
    ("CheckScope", {"token_id": "{" + TOKEN_ID + "}", "required_scope": -5}, {"token_id", "required_scope"}),
]


@pytest.mark.parametrize(("method", "over", "fields"), MALFORMED)
def test_a_malformed_field_is_named_and_its_value_is_not(
    service: Service, method: str, over: dict[str, Any], fields: set[str]
) -> None:
    request = type(METHODS[method])()
    request.CopyFrom(METHODS[method])
    changed = type(request)(**over)
    for field in over:
        request.ClearField(field)
    request.MergeFrom(changed)
    refused = refusal(lambda: service.write.call(getattr(service.write.stub, method), request))
    assert (refused.reason, refused.domain) == ("INVALID_REQUEST", "mmt.v1")
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.retry_after is None
    assert set(refused.violations) == fields
    for value in _texts(changed):
        assert value.encode() not in refused.everything


def _texts(message: Message) -> Iterator[str]:
    """The texts of a message that are long enough to be recognised."""
    for _, value in message.ListFields():
        if isinstance(value, str) and len(value) > 30:
            yield value
        elif isinstance(value, Message):
            yield from _texts(value)


def test_no_grant_at_all_is_named_as_the_grant(service: Service) -> None:
    refused = refusal(lambda: service.write.connect(someone(), "coinbase", READ))
    assert refused.reason == "INVALID_REQUEST"
    assert refused.violations == ["grant"]


def test_everything_that_is_wrong_is_named_at_once(service: Service) -> None:
    refused = refusal(lambda: service.write.resolve("no id", 0, rejected_generation=-1))
    assert set(refused.violations) == {"token_id", "required_scope", "rejected_generation"}


def test_a_token_id_is_the_same_in_either_case(service: Service) -> None:
    token_id, _ = service.connected()
    assert token_of(service.write.resolve(token_id.upper())) == token_of(service.write.resolve(token_id))


def test_a_scope_beyond_the_callers_is_refused_in_every_verb(service: Service) -> None:
    token_id, _ = service.connected(scope=WRITE)
    code = service.code("coinbase", someone("account"), "write")
    refused = refusal(lambda: service.read.connect(someone(), "coinbase", WRITE, authorization_code=code))
    assert (refused.reason, refused.metadata["granted_scope"]) == ("SCOPE_MISMATCH", "SCOPE_READ")
    assert refusal(lambda: service.read.resolve(token_id)).reason == "SCOPE_MISMATCH"
    assert refusal(lambda: service.read.revoke(token_id)).reason == "SCOPE_MISMATCH"
    assert not service.read.check_scope(token_id).allowed
    assert service.write.connect(someone(), "coinbase", WRITE, authorization_code=code).scope == WRITE


def test_a_huge_generation_is_a_rejected_token_like_any_other(service: Service) -> None:
    token_id, account = service.connected()
    service.write.resolve(token_id, rejected_generation=2**63 - 1)
    books = service.books("coinbase", account)
    assert (books["refreshes"], books["reuses"]) == (1, 0)
