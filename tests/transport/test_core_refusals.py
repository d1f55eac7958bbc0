"""What gRPC's core refuses by itself: with a code, without a reason, and without bothering anybody."""

import grpc
import pytest

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.transport.options import MAX_MESSAGE, MAX_METADATA
from tests.transport.served import Client, Refusal, Served, refusal_of
from tests.transport.stand_ins import GOOD


def refused(client: Client, path: str, body: bytes, **arguments: object) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        client.channel.unary_unary(path)(body, metadata=arguments.pop("metadata", GOOD), **arguments)  # type: ignore[arg-type]  # bytes pass through
    return refusal_of(caught.value)


def test_a_message_over_64_kib_is_refused_without_a_reason(served: Served, client: Client) -> None:
    refusal = refused(client, "/mmt.v1.TokenService/Connect", b"\0" * (MAX_MESSAGE + 1))
    assert (refusal.code, refusal.status) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert served.verbs.calls == []


def test_a_message_of_64_kib_is_still_read(client: Client) -> None:
    request = pb.ConnectRequest(request_id="r" * (MAX_MESSAGE - 4))
    body = request.SerializeToString()
    assert len(body) == MAX_MESSAGE
    assert refused(client, "/mmt.v1.TokenService/Connect", body).reason == "INVALID_REQUEST"


def test_a_message_that_grows_over_64_kib_when_it_is_unpacked_is_refused(served: Served, client: Client) -> None:
    refusal = refused(client, "/mmt.v1.TokenService/Connect", b"\0" * 10_000_000, compression=grpc.Compression.Gzip)
    assert (refusal.code, refusal.status) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert served.verbs.calls == []


def test_metadata_over_8_kib_is_refused_without_a_reason(client: Client) -> None:
    metadata = (*GOOD, ("x-more", "a" * MAX_METADATA))
    refusal = refused(client, "/mmt.v1.TokenService/Revoke", b"", metadata=metadata)
    assert (refusal.code, refusal.status) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)


@pytest.mark.parametrize(
    "path",
    [
        "/mmt.v1.TokenService/Export",
        "/mmt.v1.TokenService/connect",
        "/mmt.v2.TokenService/Connect",
        "/mmt.internal.v1.ExchangerService/Connect",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_an_unknown_method_is_unimplemented(served: Served, client: Client, path: str) -> None:
    refusal = refused(client, path, b"")
    assert (refusal.code, refusal.status) == (grpc.StatusCode.UNIMPLEMENTED, None)
    assert served.metrics.observed == []
