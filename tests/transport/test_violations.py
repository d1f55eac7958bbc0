"""Every edge of a request's shape: which field is named, and that no value ever is."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from buf.validate import validate_pb2
from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.transport.violations import FALLBACK, SENTENCES, Validator
from tests.transport.stand_ins import TOKEN_ID

VALIDATOR = Validator()
CODE = nouns.AuthorizationCode(code="c")
KIB8 = "x" * 8192


def violations(request: Message) -> Mapping[str, str]:
    try:
        VALIDATOR.check(request)
    except InvalidRequestError as error:
        return {violation.field: violation.description for violation in error.violations}
    return {}


def connect(**fields: object) -> pb.ConnectRequest:
    grant = {} if any(name in fields for name in GRANTS) else {"authorization_code": CODE}
    merged = {"end_user_id": "u", "integration": "coinbase"} | grant | fields
    return pb.ConnectRequest(**merged)  # type: ignore[arg-type]  # the cases are the messages' own fields


def resolve(**fields: object) -> pb.ResolveRequest:
    merged = {"token_id": TOKEN_ID, "required_scope": nouns.SCOPE_READ} | fields
    return pb.ResolveRequest(**merged)  # type: ignore[arg-type]  # the cases are the messages' own fields


GRANTS = {"authorization_code", "oauth_tokens", "user_credentials", "api_key", "session"}
GOOD: list[Message] = [
    connect(),
    connect(end_user_id="a" * 256),
    connect(end_user_id="🦊" * 256),
    connect(end_user_id=" Zoë "),
    connect(integration="a" * 63),
    connect(request_id="é" * 128),
    connect(scope=nouns.SCOPE_WRITE),
    connect(authorization_code=nouns.AuthorizationCode(code=KIB8, redirect_uri="u" * 2048, code_verifier=KIB8)),
    connect(oauth_tokens=nouns.OAuthTokens(access_token="a", granted_scopes=["a:b", "c"] * 32)),
    connect(session=nouns.Session(token="t", expire_time=Timestamp(seconds=253_402_300_799, nanos=999_999_999))),
    connect(session=nouns.Session(token="t", expire_time=Timestamp(seconds=-62_135_596_800))),
    connect(user_credentials=nouns.UserCredentials(username="u", password="p")),
    connect(api_key=nouns.ApiKey(key=KIB8, secret=KIB8)),
    resolve(),
    resolve(token_id=TOKEN_ID.upper()),
    resolve(token_id="00000000-0000-0000-0000-000000000000"),
    resolve(min_validity=Duration()),
    resolve(min_validity=Duration(seconds=86400)),
    resolve(rejected_generation=0),
    resolve(end_user_id="u"),
    pb.RevokeRequest(token_id=TOKEN_ID),
    pb.CheckScopeRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_WRITE),
]
BAD: list[tuple[Message, set[str]]] = [
    (pb.ConnectRequest(), {"end_user_id", "integration", "grant"}),
    (connect(end_user_id=""), {"end_user_id"}),
    (connect(end_user_id="a" * 257), {"end_user_id"}),
    (connect(end_user_id="e\u0301"), {"end_user_id"}),
    (connect(end_user_id="a\u202eb"), {"end_user_id"}),
    (connect(end_user_id="\ufeffa"), {"end_user_id"}),
    (connect(end_user_id="a\x00b"), {"end_user_id"}),
    (connect(integration=""), {"integration"}),
    (connect(integration="Coinbase"), {"integration"}),
    (connect(integration="coinbase\n"), {"integration"}),
    (connect(integration="1coin"), {"integration"}),
    (connect(integration="a" * 64), {"integration"}),
    (connect(request_id="r" * 129), {"request_id"}),
    (connect(authorization_code=nouns.AuthorizationCode()), {"authorization_code.code"}),
    (connect(authorization_code=nouns.AuthorizationCode(code=KIB8 + "x")), {"authorization_code.code"}),
    (connect(authorization_code=nouns.AuthorizationCode(code="é" * 4097)), {"authorization_code.code"}),
    (
        connect(authorization_code=nouns.AuthorizationCode(code="c", redirect_uri="u" * 2049)),
        {"authorization_code.redirect_uri"},
    ),
    (connect(oauth_tokens=nouns.OAuthTokens()), {"oauth_tokens.access_token"}),
    (
        connect(oauth_tokens=nouns.OAuthTokens(access_token="a", expire_time=Timestamp(seconds=253_402_300_800))),
        {"oauth_tokens.expire_time"},
    ),
    (
        connect(oauth_tokens=nouns.OAuthTokens(access_token="a", granted_scopes=["a"] * 65)),
        {"oauth_tokens.granted_scopes"},
    ),
    (
        connect(oauth_tokens=nouns.OAuthTokens(access_token="a", granted_scopes=["", "a b", "x" * 257] * 99)),
        {"oauth_tokens.granted_scopes"},
    ),
    (
        connect(oauth_tokens=nouns.OAuthTokens(access_token="a", granted_scopes=["a b"])),
        {"oauth_tokens.granted_scopes"},
    ),
    (
        connect(user_credentials=nouns.UserCredentials(otp=KIB8 + "x")),
        {"user_credentials.username", "user_credentials.password", "user_credentials.otp"},
    ),
    (connect(api_key=nouns.ApiKey()), {"api_key.key", "api_key.secret"}),
    (connect(session=nouns.Session()), {"session.token"}),
    (
        connect(session=nouns.Session(token="t", expire_time=Timestamp(seconds=-62_135_596_801))),
        {"session.expire_time"},
    ),
    (connect(session=nouns.Session(token="t", expire_time=Timestamp(nanos=-1))), {"session.expire_time"}),
    (connect(session=nouns.Session(token="t", expire_time=Timestamp(nanos=10**9))), {"session.expire_time"}),
    (resolve(token_id=""), {"token_id"}),
    (resolve(token_id=TOKEN_ID + "\n"), {"token_id"}),
    (resolve(token_id="{" + TOKEN_ID + "}"), {"token_id"}),
    (resolve(token_id=TOKEN_ID.replace("-", "")), {"token_id"}),
    (resolve(token_id=TOKEN_ID[:-1] + "\uff11"), {"token_id"}),
    (resolve(required_scope=nouns.SCOPE_UNSPECIFIED), {"required_scope"}),
    (resolve(min_validity=Duration(seconds=-1)), {"min_validity"}),
    (resolve(min_validity=Duration(nanos=-1)), {"min_validity"}),
    (resolve(min_validity=Duration(seconds=86400, nanos=1)), {"min_validity"}),
    (resolve(min_validity=Duration(seconds=5, nanos=10**9)), {"min_validity"}),
    (resolve(min_validity=Duration(seconds=5, nanos=-1)), {"min_validity"}),
    (resolve(min_validity=Duration(seconds=1 << 62)), {"min_validity"}),
    (resolve(rejected_generation=-1), {"rejected_generation"}),
    (resolve(end_user_id="e\u0301"), {"end_user_id"}),
    (pb.RevokeRequest(), {"token_id"}),
    (pb.CheckScopeRequest(token_id=TOKEN_ID), {"required_scope"}),
]


@pytest.mark.parametrize("request_", GOOD)
def test_what_the_contract_allows_passes(request_: Message) -> None:
    assert violations(request_) == {}


@pytest.mark.parametrize(("request_", "fields"), BAD)
def test_what_is_wrong_is_named_by_its_field(request_: Message, fields: set[str]) -> None:
    assert set(violations(request_)) == fields


@pytest.mark.parametrize("number", [3, 99, -1, 2**31 - 1])
def test_an_unknown_scope_is_refused(number: int) -> None:
    assert set(violations(connect(scope=number))) == {"scope"}
    assert set(violations(resolve(required_scope=number))) == {"required_scope"}


@given(st.text(min_size=1, max_size=400), st.text(max_size=9000), st.text(max_size=200))
def test_no_value_stands_in_a_violation(end_user: str, code: str, request_id: str) -> None:
    marked = "CANARY"
    request = connect(
        end_user_id=(end_user + marked).encode(errors="replace").decode() + "\x00",
        integration=f"No {marked}",
        request_id=(request_id + marked * 30).encode(errors="replace").decode(),
        authorization_code=nouns.AuthorizationCode(code=(code + marked).encode(errors="replace").decode()),
    )
    found = violations(request)
    assert {"end_user_id", "integration", "request_id"} <= set(found)
    assert all(re.fullmatch(r"[a-zA-Z0-9 ]+", sentence) for sentence in found.values())
    assert marked not in " ".join(found.values())


def test_every_rule_in_use_has_its_sentence() -> None:
    used = {
        f"{kind}.{rule}"
        for message in (*pb.DESCRIPTOR.message_types_by_name.values(), *nouns.DESCRIPTOR.message_types_by_name.values())
        for field in message.fields
        for kind, rule in _rules(_extensions(field)[validate_pb2.field])
    }
    # The two bounds of a duration are one rule to protovalidate.
    used = used - {"duration.gte", "duration.lte"} | {"duration.gte_lte"}
    assert used | {"required"} == set(SENTENCES)
    assert FALLBACK not in SENTENCES.values()


def _extensions(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions


def _rules(constraints: validate_pb2.FieldRules) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for kind, rules in constraints.ListFields():
        for rule, value in rules.ListFields():
            found += _rules(value) if rule.name == "items" else [(kind.name, rule.name)]
    return found
