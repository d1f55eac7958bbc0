"""The way to the server: what protects it, whom it trusts, and what health says at its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmt_grpc.domain.model import Upstream
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.client import CallFailedError, Health, HealthClient, Target, TargetError, TokenClient
from mmt_grpc.transport.credentials import CertificateFiles
from mmt_grpc.transport.options import ServerOptions
from tests.transport.certificates import Authority
from tests.transport.served import Client, Served, serving
from tests.transport.stand_ins import TOKEN_ID

GOOD_KEY = Secret("good")
NOBODY = "127.0.0.1:1"
PATIENCE = 60.0


def target(client: Client) -> Target:
    return Target(address=f"127.0.0.1:{client.port}")


@pytest.mark.parametrize("service", ["", "mmt.v1.TokenService"])
def test_health_is_asked_without_a_key(client: Client, service: str) -> None:
    assert HealthClient(target=target(client), timeout=PATIENCE).check(service) is Health.SERVING


def test_a_server_that_drains_does_not_serve(served: Served) -> None:
    server = served.server()
    port = server.bind()
    server.start()
    server.set_serving(serving=False)
    try:
        health = HealthClient(target=Target(address=f"127.0.0.1:{port}"), timeout=PATIENCE)
        assert health.check("") is Health.NOT_SERVING
        health.close()
    finally:
        server.drain(0)


def test_a_service_that_is_none_is_unknown_and_a_server_that_is_none_out_of_reach(client: Client) -> None:
    assert HealthClient(target=target(client), timeout=PATIENCE).check("mmt.v1.Other") is Health.UNKNOWN
    assert HealthClient(target=Target(address=NOBODY)).check("") is Health.UNREACHABLE


@pytest.mark.parametrize(
    ("way", "is_protected"),
    [
        (Target(address="127.0.0.1:1"), False),
        (Target(address="[::1]:1"), False),
        (Target(address="localhost:1"), False),
        (Target(address="mmt.example:443"), True),
        (Target(address="10.0.0.1:443"), True),
        (Target(address="127.0.0.1:1", tls=True), True),
        (Target(address="127.0.0.1:1", tls_ca=Path("ca.pem")), True),
        (Target(address="127.0.0.1:1", tls_name="mmt.example"), True),
    ],
    ids=repr,
)
def test_an_api_key_leaves_this_machine_over_tls_only(way: Target, *, is_protected: bool) -> None:
    assert way.is_protected is is_protected


@pytest.fixture
def authority() -> Authority:
    return Authority("the test's own")


@pytest.fixture
def protected(served: Served, authority: Authority, tmp_path: Path) -> Iterator[str]:
    files = CertificateFiles(tmp_path / "server.pem", tmp_path / "server.key")
    authority.issue(files.certificate, files.key)
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    with serving(served, ServerOptions(listen="127.0.0.1:0", certificate=files)) as client:
        yield f"127.0.0.1:{client.port}"


def test_a_server_is_trusted_by_its_authority(protected: str, tmp_path: Path) -> None:
    way = Target(address=protected, tls_ca=tmp_path / "ca.pem")
    with TokenClient(target=way, api_key=GOOD_KEY, timeout=PATIENCE) as tokens:
        assert tokens.revoke(TOKEN_ID).upstream is Upstream.REVOKED


@pytest.mark.parametrize(
    "changes", [{"tls_ca": None}, {"tls_name": "mmt.example"}], ids=["an unknown authority", "another name"]
)
def test_a_server_that_is_not_who_it_should_be_gets_no_call(
    served: Served, protected: str, tmp_path: Path, changes: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"address": protected, "tls": True, "tls_ca": tmp_path / "ca.pem"}
    way = Target(**(asked | changes))
    with TokenClient(target=way, api_key=GOOD_KEY) as tokens, pytest.raises(CallFailedError, match="UNAVAILABLE"):
        tokens.revoke(TOKEN_ID)
    assert served.verbs.calls == []


def test_authorities_that_cannot_be_read_are_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="FileNotFoundError"):
        TokenClient(target=Target(address=NOBODY, tls_ca=tmp_path / "none.pem"), api_key=GOOD_KEY)
