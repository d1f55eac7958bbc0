"""Requests over TLS: whom they trust, and how their answers come."""

import json
import socket
import ssl
import threading
from pathlib import Path

import pytest

from mmt_grpc.domain.model import BearerToken
from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.deadline import boot_time
from mmt_grpc.providers.registry import Surroundings
from tests.providers.acme import QUICK, TOKENS, failure_of, integration, redeem, refresh
from tests.support.certificates import Authority
from tests.support.http_script import ScriptedServer, says


def test_a_certificate_of_a_trusted_authority_is_believed(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)
    with ScriptedServer(says(200, TOKENS), tls=authority.server("localhost")) as server:
        provider = integration(server.url, surroundings=Surroundings(tls=authority.trust))
        assert refresh(provider).credential == BearerToken(Secret("new-access"))


@pytest.mark.parametrize("fault", ["another authority", "another name", "no tls"])
def test_a_server_that_does_not_prove_its_name_is_sent_nothing(tmp_path: Path, fault: str) -> None:
    authority, other = Authority(folder=tmp_path), Authority(folder=tmp_path, name="other")
    tls = None if fault == "no tls" else authority.server("elsewhere" if fault == "another name" else "localhost")
    trusted = other if fault == "another authority" else authority
    with ScriptedServer(says(200, TOKENS), tls=tls) as server:
        url = f"https://localhost:{server.port}"
        provider = integration(url, surroundings=Surroundings(tls=trusted.trust, sleep=lambda _: None), **QUICK)
        assert failure_of(provider.open_refresh) is Failure.NOT_SENT
        assert failure_of(lambda: redeem(provider)) is Failure.NOT_SENT
        assert server.requests == []


def of_every_version(context: ssl.SSLContext) -> ssl.SSLContext:
    """Allow all that OpenSSL still knows."""
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_a_server_whose_tls_is_older_than_1_2_is_sent_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(folder=tmp_path)
    permissive, default = (of_every_version(authority.trust()) for _ in range(2))
    # Not every build of Python has a minimum of its own: some leave it to what the system says.
    monkeypatch.setattr(ssl, "create_default_context", lambda: default)
    outdated = of_every_version(authority.server("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        outdated.maximum_version = ssl.TLSVersion.TLSv1_1

    with ScriptedServer(says(200, TOKENS), tls=outdated) as server:
        provider = integration(server.url, surroundings=Surroundings(sleep=lambda _: None))
        assert failure_of(provider.open_refresh) is Failure.NOT_SENT
        assert failure_of(lambda: redeem(provider)) is Failure.NOT_SENT
        assert server.requests == []

        # It is the version alone that is not good enough.
        other = integration(server.url, surroundings=Surroundings(tls=lambda: permissive))
        assert refresh(other).credential == BearerToken(Secret("new-access"))


def test_an_answer_that_came_while_this_process_stood_still_is_read_to_its_end(tmp_path: Path) -> None:
    """One `recv` of TLS gives one record, and time may be over after the first: the next one lies there already."""
    authority = Authority(folder=tmp_path)
    answering = threading.Event()

    def answer_in_two_records(sock: socket.socket) -> None:
        answering.set()
        body = json.dumps(TOKENS).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        sock.sendall(body)

    with ScriptedServer(answer_in_two_records, tls=authority.server("localhost")) as server:

        def elapsed() -> float:
            # From the moment it answers on, whoever asks for the time stands still until it has, and is then too late.
            return boot_time() + (1000.0 if answering.is_set() and server.acted.wait(10) else 0.0)

        provider = integration(server.url, surroundings=Surroundings(tls=authority.trust, elapsed=elapsed))
        assert refresh(provider).credential == BearerToken(Secret("new-access"))


def test_a_half_of_an_answer_is_not_waited_for_past_the_end(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)
    answering, over = threading.Event(), threading.Event()

    def answer_by_half(sock: socket.socket) -> None:
        answering.set()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        over.wait(10)

    def elapsed() -> float:
        return boot_time() + (1000.0 if answering.is_set() else 0.0)

    with ScriptedServer(answer_by_half, tls=authority.server("localhost")) as server:
        provider = integration(server.url, surroundings=Surroundings(tls=authority.trust, elapsed=elapsed))
        assert failure_of(lambda: refresh(provider)) is Failure.AMBIGUOUS
        assert not server.acted.is_set()
        over.set()
