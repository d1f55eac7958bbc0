"""Whatever bytes arrive, the answer is a documented one, and no byte of them comes back or is logged."""

import logging
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from tests.transport import raw_http2
from tests.transport.served import Client, Served, refusal_of, serving
from tests.transport.stand_ins import GOOD, TOKEN_ID

METHODS = st.sampled_from(["Connect", "Resolve", "Revoke", "CheckScope"])
REQUESTS: list[Message] = [
    pb.ConnectRequest(
        client_id="client-1",
        end_user_id="user",
        integration="coinbase",
        oauth_tokens=nouns.OAuthTokens(access_token="a", granted_scopes=["x", "y"]),
    ),
    pb.ResolveRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_READ, rejected_generation=5),
    pb.CheckScopeRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_WRITE),
]
ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Served, Client]]:
    served = Served()
    with serving(served) as client:
        yield served, client


def answered(client: Client, method: str, body: bytes, metadata: tuple[tuple[str, str | bytes], ...]) -> str:
    """Return the reason that a call failed with, "" if it succeeded."""
    try:
        client.raw(method, body, metadata=metadata)
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        assert refusal.info.domain == "mmt.v1"
        return refusal.reason
    return ""


@given(method=METHODS, body=st.binary(max_size=2000))
def test_random_bodies_are_refused_by_the_contract(shared: tuple[Served, Client], method: str, body: bytes) -> None:
    assert answered(shared[1], method, body, GOOD) in {"", "INVALID_REQUEST", "CALLER_FORBIDDEN"}
    assert shared[0].log.events == []


@given(
    method=METHODS,
    request=st.sampled_from(REQUESTS),
    at=st.integers(min_value=0),
    change=st.binary(min_size=1, max_size=8),
)
def test_garbled_requests_are_refused_by_the_contract(
    shared: tuple[Served, Client], method: str, request: Message, at: int, change: bytes
) -> None:
    body = request.SerializeToString()
    at %= len(body)
    garbled = body[:at] + change + body[at + len(change) :]
    assert answered(shared[1], method, garbled, GOOD) in {"", "INVALID_REQUEST", "CALLER_FORBIDDEN"}
    assert shared[0].log.events == []


@given(method=METHODS, value=ASCII, blob=st.binary(max_size=200), body=st.binary(max_size=50))
def test_random_credentials_are_refused_as_such(
    shared: tuple[Served, Client], method: str, value: str, blob: bytes, body: bytes
) -> None:
    metadata = (("authorization", value), ("x-more-bin", blob))
    assert answered(shared[1], method, body, metadata) == "CALLER_UNAUTHENTICATED"


NO_CLIENT_SENDS_THESE = [
    [(b"authorization", b"Bearer \xff\xfeCANARY")],
    [(b"authorization", b"Bearer CANARY\x00")],
    [(b"authorization", b"Bearer \xe2\x82\xacCANARY")],
    [(b"authorization", b"Bearer good"), (b"authorization", b"CANARY")],
    [(b"authorization-bin", b"CANARY!")],
    [(b"\xffx", b"CANARY")],
    [(b"Authorization", b"CANARY")],
    [(b"grpc-timeout", b"CANARY")],
    [(b"grpc-encoding", b"CANARY")],
]


@pytest.mark.parametrize("headers", NO_CLIENT_SENDS_THESE)
def test_headers_that_no_client_library_sends_do_no_harm(
    shared: tuple[Served, Client], headers: list[tuple[bytes, bytes]]
) -> None:
    served, client = shared
    received = raw_http2.call(client.port, b"/mmt.v1.TokenService/Revoke", headers, b"CANARY")
    assert b"grpc-status" in received
    assert b"CANARY" not in received
    assert [event for event in served.log.events if "CANARY" in str(event)] == []
    assert answered(client, "Revoke", pb.RevokeRequest(token_id=TOKEN_ID).SerializeToString(), GOOD) == ""


def test_a_body_that_cannot_be_parsed_leaves_no_trace_in_the_librarys_log(
    shared: tuple[Served, Client], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert answered(shared[1], "Connect", b"\x0a\x06CANARY\xff", GOOD) == "INVALID_REQUEST"
    assert "CANARY" not in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
