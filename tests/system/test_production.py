"""A production installation from nothing, by the command line alone: keys, schema, client, API keys, TLS."""

from __future__ import annotations

import contextlib
import json
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.certificates import Authority
from tests.support.clients import READ, WRITE, Caller, refusal, token_of
from tests.support.database_server import DatabaseServer
from tests.support.replica import running_serve
from tests.support.service import command, ended

OVERRIDE = (("grpc.ssl_target_name_override", "mmt.test"),)


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a file system that survives restarts, which a machine's /tmp may not be."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="mmt-") as name:
        yield Path(name)


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority(folder=folder)


@pytest.fixture(params=["sqlite", "mariadb"])
def config(request: pytest.FixtureRequest, folder: Path, authority: Authority) -> Path:
    """What an operator writes by hand."""
    authority.server("mmt.test")
    urls = [f"sqlite:///{folder}/mmt.db", f"sqlite:///{folder}/ledger.db"]
    if request.param == "mariadb":
        server: DatabaseServer = request.getfixturevalue("mariadb")
        urls = [server.fresh_database(), server.fresh_database()]
    root_key = folder / "root.key"
    root_key.touch(mode=0o600)
    root_key.write_bytes(secrets.token_bytes(32))
    path = folder / "mmt.toml"
    path.write_text(
        f"""
workers = 2
tls_certificate = "{folder}/mmt.test.pem"
tls_key = "{folder}/mmt.test.pem"
database_url = "{urls[0]}"
ledger_url = "{urls[1]}"
state_dir = "{folder}/state"
[keys]
directory = "{folder}/keys"
root_key_file = "{root_key}"
"""
    )
    return path


def mmt(config: Path, *arguments: str) -> Any:
    return json.loads(command("--config", str(config), *arguments, "--json"))


def certificate_of(authority: Authority) -> str:
    (certificate,) = authority.trust().get_ca_certs(binary_form=True)
    return ssl.DER_cert_to_PEM_cert(certificate)


@contextlib.contextmanager
def calling(address: str, key: str, authority: Authority) -> Iterator[Caller]:
    trust = grpc.ssl_channel_credentials(certificate_of(authority).encode())
    with contextlib.closing(Caller(address, key, credentials=trust, options=OVERRIDE)) as caller:
        yield caller


def test_a_production_installation_is_made_by_commands_and_serves_over_tls(
    folder: Path, config: Path, authority: Authority
) -> None:
    assert mmt(config, "keys", "init")["epochs"] == 1
    assert ended("--config", str(config), "keys", "init").returncode != 0
    assert mmt(config, "migrate")["mode"] == "production"
    client_id = mmt(config, "clients", "add", "--name", "Acme")["client_id"]
    keys = {
        scope: mmt(config, "api-keys", "create", "--client", client_id, "--scope", scope) for scope in ("read", "write")
    }
    with running_serve(config, folder / "state") as replica:
        with calling(replica.address, keys["write"]["api_key"], authority) as write:
            token_id = write.connect("user", "binance", WRITE, session={"token": "brought by its owner"}).token_id
            assert token_of(write.resolve(token_id, WRITE)) == "brought by its owner"
            wallet = refusal(lambda: write.connect("user", "metamask", session={"token": "t"}))
            assert wallet.reason == "TOKEN_NOT_REQUIRED"
        with calling(replica.address, keys["read"]["api_key"], authority) as read:
            assert refusal(lambda: read.resolve(token_id)).reason == "SCOPE_MISMATCH"
        with contextlib.closing(Caller(replica.address, keys["write"]["api_key"])) as plain:
            assert refusal(lambda: plain.resolve(token_id)).reason is None
        (folder / "ca.pem").write_text(certificate_of(authority))
        trusting = ["--tls", "--tls-ca", str(folder / "ca.pem"), "--tls-name", "mmt.test"]
        command("health", "--address", replica.address, *trusting)
        refused = ended("dev", "--listen", "127.0.0.1:0", "--state-dir", str(folder / "dev"), MMT_CONFIG=str(config))
        assert refused.returncode != 0
    with running_serve(config, folder / "state") as replica:
        with calling(replica.address, keys["write"]["api_key"], authority) as write:
            assert token_of(write.resolve(token_id, READ)) == "brought by its owner"
            write.revoke(token_id)
        assert (replica.audit_path).is_dir()
    assert ended("--config", str(config), "audit", "verify").returncode == 0
