"""`mmt health`: what a probe sees."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmt_grpc.app.probing import certified_name
from mmt_grpc.transport.credentials import CertificateFiles
from mmt_grpc.transport.options import ServerOptions
from tests.cli.running import answer, run
from tests.support.dev import RunningDev
from tests.transport.certificates import Authority
from tests.transport.served import Served, serving

NOBODY = "127.0.0.1:1"
SERVING = {"server": "serving", "mmt.v1.TokenService": "serving"}


def test_an_installation_that_serves_is_healthy_without_a_key(shared_dev: RunningDev) -> None:
    assert answer(run("health", "--json", MMT_ADDRESS=shared_dev.address)) == {"address": shared_dev.address, **SERVING}


def test_the_address_may_come_from_the_settings(shared_dev: RunningDev, tmp_path: Path) -> None:
    settings = shared_dev.config.read_text().replace("127.0.0.1:0", shared_dev.address)
    (tmp_path / "mmt.toml").write_text(settings)
    told = answer(run("--config", str(tmp_path / "mmt.toml"), "health", "--json"))
    assert told == {"address": shared_dev.address, **SERVING}


def test_every_address_of_a_machine_is_asked_at_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "mmt.toml").write_text(
        'listen = ["0.0.0.0:1"]\ndatabase_url = "sqlite:////none"\nledger_url = "sqlite:////other"\n'
        'keys = {directory = "/none", root_key_file = "/none/root.key"}\n'
    )
    result = run("--config", str(tmp_path / "mmt.toml"), "health", "--json")
    assert json.loads(result.stdout)["address"] == NOBODY


def test_settings_that_are_wrong_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "mmt.toml").write_text("workers = 'many'\n")
    result = run("--config", str(tmp_path / "mmt.toml"), "health")
    assert (result.exit_code, "workers: must be a whole number" in result.stderr) == (78, True)


def test_nobody_is_not_healthy() -> None:
    result = run("health", "--address", NOBODY)
    assert result.exit_code == 1
    assert result.stdout.split() == ["address", NOBODY, "server", "unreachable", "mmt.v1.TokenService", "unreachable"]


def test_a_server_that_drains_is_not_healthy() -> None:
    server = Served().server()
    port = server.bind()
    server.start()
    try:
        server.set_serving(serving=False)
        result = run("health", "--address", f"127.0.0.1:{port}", "--timeout", "60", "--json")
    finally:
        server.drain(0)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["server"] == "not serving"


@pytest.fixture
def protected(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate of an authority that nobody knows, and settings that name it."""
    authority = Authority("the test's own")
    files = CertificateFiles(tmp_path / "server.pem", tmp_path / "server.key")
    authority.issue(files.certificate, files.key)
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    with serving(Served(), ServerOptions(listen="127.0.0.1:0", certificate=files)) as client:
        (tmp_path / "mmt.toml").write_text(
            f'listen = ["0.0.0.0:{client.port}"]\ntls_certificate = "{files.certificate}"\ntls_key = "{files.key}"\n'
            'database_url = "sqlite:////none"\nledger_url = "sqlite:////other"\n'
            'keys = {directory = "/none", root_key_file = "/none/root.key"}\n'
        )
        yield f"127.0.0.1:{client.port}"


def test_the_own_server_is_known_by_its_own_certificate(protected: str, tmp_path: Path) -> None:
    told = answer(run("--config", str(tmp_path / "mmt.toml"), "health", "--timeout", "60", "--json"))
    assert told == {"address": protected, **SERVING}


@pytest.mark.usefixtures("protected")
def test_a_server_that_answers_with_another_certificate_is_not_the_own_one(tmp_path: Path) -> None:
    Authority("another").issue(tmp_path / "other.pem", tmp_path / "other.key")
    settings = (tmp_path / "mmt.toml").read_text().replace("server.pem", "other.pem")
    (tmp_path / "mmt.toml").write_text(settings)
    result = run("--config", str(tmp_path / "mmt.toml"), "health", "--json")
    assert (result.exit_code, json.loads(result.stdout)["server"]) == (1, "unreachable")


def test_another_machines_server_is_known_by_its_authority(protected: str, tmp_path: Path) -> None:
    told = answer(
        run("health", "--address", protected, "--tls-ca", str(tmp_path / "ca.pem"), "--timeout", "60", "--json")
    )
    assert told == {"address": protected, **SERVING}


def test_a_certificate_that_cannot_be_read_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    assert certified_name(tmp_path / "no.pem") is None
    assert certified_name(tmp_path / "missing.pem") is None
