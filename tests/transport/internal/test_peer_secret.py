"""Only a worker with the secret of this start is served."""

from typing import Any

import grpc
import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.internal.server import ExchangerServer
from tests.transport.internal.wired import SECRET, Wired, complete, wired


@pytest.mark.parametrize("secret", ["other", "s3cret-of-this-star", "s3cret-of-this-start2", ""])
def test_a_worker_with_another_secret_is_not_served(secret: str) -> None:
    with wired(secret=Secret(secret)) as parts:
        with pytest.raises(ProviderUnavailableError):
            complete(parts.worker)
        assert parts.exchanger.calls == []


def raw_call(parts: Wired, metadata: tuple[tuple[str, str | bytes], ...]) -> grpc.StatusCode:
    credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    with grpc.secure_channel(f"unix:{parts.socket_path}", credentials) as channel:
        method: Any = channel.unary_unary("/mmt.internal.v1.ExchangerService/CompleteRevocation")
        try:
            method(b"", metadata=metadata)
        except grpc.RpcError as error:
            call: Any = error
            code: grpc.StatusCode = call.code()
            return code
    return grpc.StatusCode.OK


def test_the_secret_has_to_be_there_once() -> None:
    good = ("mmt-peer-secret", SECRET.reveal())
    with wired() as parts:
        assert raw_call(parts, ()) is grpc.StatusCode.UNAUTHENTICATED
        assert raw_call(parts, (good, good)) is grpc.StatusCode.UNAUTHENTICATED
        assert raw_call(parts, (("mmt-peer-secret-bin", SECRET.reveal().encode()),)) is grpc.StatusCode.UNAUTHENTICATED
        assert parts.exchanger.calls == []
        assert raw_call(parts, (good,)) is grpc.StatusCode.OK


def test_an_exchanger_without_a_secret_serves_nobody() -> None:
    with wired() as parts:
        parts.server.stop(0)
        server = ExchangerServer(
            exchanger=parts.exchanger, socket_path=parts.socket_path, secret=Secret(""), log=parts.log
        )
        server.start()
        parts.server = server
        assert raw_call(parts, (("mmt-peer-secret", ""),)) is grpc.StatusCode.UNAUTHENTICATED
