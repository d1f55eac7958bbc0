"""A connection that leaves the machine is encrypted, and the server is who it says."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import serialization

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.store import open_store
from tests.support.certificates import Authority
from tests.support.cutting_proxy import cutting_proxy
from tests.support.database_server import PASSWORD, server_folder
from tests.support.mariadb import private_mariadb

CIPHER = "SELECT VARIABLE_VALUE FROM information_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'"


@dataclass(frozen=True)
class Encrypted:
    """A server with a certificate for localhost, behind a port."""

    port: int
    database: str
    authority: str

    def url(self, host: str, options: str) -> str:
        return f"mysql://mmt:{PASSWORD}@{host}:{self.port}/{self.database}?{options}"


@pytest.fixture(scope="module")
def encrypted() -> Iterator[Encrypted]:
    with server_folder() as folder:
        authority = Authority(folder=folder)
        authority.server("localhost")
        trusted = folder / "authority.pem"
        trusted.write_bytes(authority._certificate.public_bytes(serialization.Encoding.PEM))
        pem = folder / "localhost.pem"
        with (
            private_mariadb(f"--ssl-cert={pem}", f"--ssl-key={pem}") as server,
            cutting_proxy(server.socket) as proxy,
        ):
            database = server.fresh_database().partition("?")[0].rpartition("/")[2]
            yield Encrypted(proxy.port, database, str(trusted))


def cipher(url: str) -> str:
    with contextlib.closing(open_store(url)) as store:
        ((found,),) = store._execution.read(lambda session: session.rows(CIPHER))
    return str(found)


def test_a_verified_server_is_spoken_to_in_cipher(encrypted: Encrypted) -> None:
    assert cipher(encrypted.url("localhost", f"tls=verify&tls_ca={encrypted.authority}")).startswith("TLS_")


@pytest.mark.parametrize(
    ("host", "options"),
    [
        pytest.param("localhost", "tls=verify", id="an authority that the system does not know"),
        pytest.param("127.0.0.1", "tls=verify&tls_ca={authority}", id="another name"),
    ],
)
def test_a_server_that_cannot_be_verified_is_not_spoken_to(encrypted: Encrypted, host: str, options: str) -> None:
    url = encrypted.url(host, options.format(authority=encrypted.authority))

    with pytest.raises(StoreUnavailableError):
        cipher(url)


@pytest.mark.parametrize("options", ["", "tls=auto", "tls=off"])
def test_on_a_loopback_address_encryption_is_not_needed(encrypted: Encrypted, options: str) -> None:
    assert cipher(encrypted.url("127.0.0.1", options)) == ""
