"""Where the server listens, and with what protection: TLS that follows its files, plaintext on loopback alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.transport.credentials import CertificateFiles, ListenError, is_loopback
from mmt_grpc.transport.options import ServerOptions
from mmt_grpc.transport.server import TokenServer
from tests.transport.certificates import Authority
from tests.transport.served import Client, Served
from tests.transport.stand_ins import GOOD, TOKEN_ID

REVOKE = pb.RevokeRequest(token_id=TOKEN_ID)


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(certificate=tmp_path / "tls.crt", key=tmp_path / "tls.key")


@pytest.fixture
def server(served: Served, files: CertificateFiles) -> Iterator[tuple[TokenServer, Authority, int]]:
    authority = Authority("first")
    authority.issue(files.certificate, files.key)
    server = served.server(ServerOptions(listen="127.0.0.1:0", certificate=files))
    port = server.bind()
    server.start()
    yield server, authority, port
    server.drain(0)


def revoke_over_tls(port: int, root: bytes) -> int:
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(root)) as channel:
        return Client(channel, port).tokens.Revoke(REVOKE, metadata=GOOD, timeout=30).upstream


def test_calls_are_served_over_tls(server: tuple[TokenServer, Authority, int]) -> None:
    _, authority, port = server
    assert revoke_over_tls(port, authority.pem())


def test_a_renewed_certificate_is_served_without_a_restart(
    server: tuple[TokenServer, Authority, int], files: CertificateFiles
) -> None:
    _, old, port = server
    assert revoke_over_tls(port, old.pem())
    new = Authority("second")
    new.issue(files.certificate, files.key)
    assert revoke_over_tls(port, new.pem())
    with pytest.raises(grpc.RpcError):
        revoke_over_tls(port, old.pem())


def test_files_that_vanish_leave_the_old_certificate_in_place(
    server: tuple[TokenServer, Authority, int], files: CertificateFiles
) -> None:
    _, authority, port = server
    files.certificate.unlink()
    assert revoke_over_tls(port, authority.pem())


def test_half_a_renewal_leaves_the_old_certificate_in_place(
    server: tuple[TokenServer, Authority, int], files: CertificateFiles, tmp_path: Path
) -> None:
    _, authority, port = server
    new = Authority("second")
    new.issue(tmp_path / "new.crt", tmp_path / "new.key")
    (tmp_path / "new.crt").replace(files.certificate)
    assert revoke_over_tls(port, authority.pem())
    (tmp_path / "new.key").replace(files.key)
    assert revoke_over_tls(port, new.pem())


def test_plaintext_is_not_answered_on_a_port_with_tls(server: tuple[TokenServer, Authority, int]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server[2]}") as channel, pytest.raises(grpc.RpcError):
        Client(channel, server[2]).tokens.Revoke(REVOKE, metadata=GOOD, timeout=30)


def test_certificate_files_that_are_not_there_are_named_as_such(served: Served, files: CertificateFiles) -> None:
    server = served.server(ServerOptions(listen="127.0.0.1:0", certificate=files))
    with pytest.raises(ListenError, match="certificate files cannot be read: FileNotFoundError"):
        server.bind()


@pytest.mark.parametrize(
    ("listen", "allow", "why"),
    [
        ("127.0.0.1:0", False, "plaintext gRPC is not allowed"),
        ("0.0.0.0:0", True, "on loopback only"),
        ("[::]:0", True, "on loopback only"),
        ("mmt.example:0", True, "on loopback only"),
        ("10.0.0.1:0", True, "on loopback only"),
        ("0.0.0.0:0", False, "plaintext gRPC is not allowed"),
    ],
)
def test_plaintext_leaves_no_machine(served: Served, listen: str, *, allow: bool, why: str) -> None:
    with pytest.raises(ListenError, match=why):
        served.server(ServerOptions(listen=listen, allow_plaintext=allow)).bind()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:50051", True),
        ("127.8.8.8:0", True),
        ("[::1]:0", True),
        ("localhost:0", True),
        ("localhost.example:0", False),
        ("0.0.0.0:0", False),
        ("[::]:0", False),
        (":50051", False),
        ("50051", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(address: str, *, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_a_port_that_is_taken_is_an_error_and_not_a_second_listener(served: Served) -> None:
    first = served.server()
    port = first.bind()
    first.start()
    try:
        second = served.server(ServerOptions(listen=f"127.0.0.1:{port}", allow_plaintext=True))
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
            second.bind()
    finally:
        first.drain(0)


def test_several_processes_may_share_a_port_where_it_is_wanted(served: Served) -> None:
    first = served.server(ServerOptions(listen="127.0.0.1:0", allow_plaintext=True, so_reuseport=True))
    port = first.bind()
    second = served.server(
        ServerOptions(listen=f"127.0.0.1:{port}", allow_plaintext=True, so_reuseport=True, max_connection_age=600)
    )
    try:
        assert second.bind() == port
    finally:
        first.drain(0)
        second.drain(0)


def test_gRPCs_core_is_told_of_connections_ages_only_where_they_are_limited() -> None:  # noqa: N802  # its name
    unlimited = dict(ServerOptions(listen="x").channel_arguments())
    limited = dict(ServerOptions(listen="x", max_connection_age=1.5).channel_arguments())
    assert "grpc.max_connection_age_ms" not in unlimited
    assert limited["grpc.max_connection_age_ms"] == 1500
    assert os.uname().sysname == "Linux"
