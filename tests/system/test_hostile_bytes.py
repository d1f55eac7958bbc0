"""Whatever bytes arrive, they get a documented answer, and the service stands."""

import os
import random

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmt.v1 import token_service_pb2 as pb
from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.service import Service
from tests.system.requests import METHODS
from tests.transport import raw_http2

pytestmark = pytest.mark.usefixtures("healthy")
DOCUMENTED = {
    "INVALID_REQUEST",
    "TOKEN_NOT_FOUND",
    "INTEGRATION_UNKNOWN",
    "GRANT_REJECTED",
    "CALLER_FORBIDDEN",
    "SCOPE_MISMATCH",
    "TOKEN_NOT_REQUIRED",
}
A_GOOD_CALL = METHODS["Resolve"].SerializeToString()


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", os.urandom(4096), b"\x00" * 100, b"\x12\xff\xff\xff\xff\x0f"],
    ids=["tag", "cut", "not-utf8", "random", "zeros", "length"],
)
@pytest.mark.parametrize("method", METHODS)
def test_a_body_that_cannot_be_parsed_is_an_invalid_request(service: Service, method: str, body: bytes) -> None:
    refused = refusal(lambda: service.write.raw(method, body))
    assert refused.reason == "INVALID_REQUEST"
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_body_is_not_even_looked_at_before_the_caller_is_known(service: Service) -> None:
    with service.caller(None) as nobody:
        for method in METHODS:
            assert refusal(lambda method=method: nobody.raw(method, b"\xff")).reason == "CALLER_UNAUTHENTICATED"  # type: ignore[misc]  # bound


def test_unknown_fields_change_nothing(service: Service) -> None:
    token_id, _ = service.connected()
    body = pb.ResolveRequest(token_id=token_id, required_scope=READ).SerializeToString()
    unknown = b"\xfa\x3e\x05hello" + b"\xf8\x3e\x01"
    answer = pb.ResolveResponse.FromString(service.write.raw("Resolve", body + unknown))
    assert token_of(answer) == token_of(service.write.resolve(token_id))


@pytest.mark.parametrize("method", METHODS)
def test_a_message_over_64_kib_is_refused_by_the_core_without_a_reason(service: Service, method: str) -> None:
    refused = refusal(lambda: service.write.raw(method, b"\xfa\x3e\xff\xff\x05" + b"x" * 100_000))
    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.reason is None


def test_metadata_over_8_kib_is_refused_by_the_core_without_a_reason(service: Service) -> None:
    metadata = [*service.write.metadata, ("x-padding", "p" * 20_000)]
    refused = refusal(lambda: service.write.raw("Resolve", METHODS["Resolve"].SerializeToString(), metadata))
    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.reason is None


def test_an_unknown_method_is_refused_by_the_core(service: Service) -> None:
    refused = refusal(lambda: service.write.raw("Reveal", b""))
    assert refused.code is grpc.StatusCode.UNIMPLEMENTED
    assert refused.reason is None


def test_random_bodies_never_get_anything_but_a_documented_answer(service: Service) -> None:
    source, reasons = random.Random(20261123), set()
    for _ in range(150):
        method = source.choice(sorted(METHODS))
        body = bytearray(METHODS[method].SerializeToString())
        for _ in range(source.randrange(1, 6)):
            body[source.randrange(len(body))] = source.randrange(256)
        body += source.randbytes(source.choice([0, 0, 3, 40]))
        try:
            service.write.raw(method, bytes(body))
        except Refused as refused:
            reasons.add(refused.reason)
    assert reasons <= DOCUMENTED
    assert "INVALID_REQUEST" in reasons


@settings(max_examples=60)
@given(data=st.binary(max_size=200), header=st.binary(max_size=60).filter(lambda value: b"\x00" not in value))
def test_raw_frames_with_any_bytes_leave_the_server_standing(on_sqlite: Service, data: bytes, header: bytes) -> None:
    port = int(on_sqlite.dev.address.rpartition(":")[2])

    raw_http2.call(port, b"/mmt.v1.TokenService/Resolve", [(b"authorization", header)], data)

    assert refusal(lambda: on_sqlite.write.raw("Resolve", A_GOOD_CALL)).reason == "TOKEN_NOT_FOUND"
