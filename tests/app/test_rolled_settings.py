"""What SIGHUP brings is in effect afterwards: settings of workers and of the exchanger, and another certificate."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from tests.support.certificates import Authority
from tests.support.clients import Caller, refusal, token_of
from tests.support.dev import RunningDev, running_dev
from tests.support.processes import children
from tests.support.service import Service, running_service
from tests.support.waiting import until

SOON: dict[str, Any] = {"MMT_WORKERS": "1", "MMT_MAX_CONNECTION_AGE": "1"}
HOST = "mmt.test"
ENDS = ("roll_ended", "roll_failed", "settings_refused")


def roll(dev: RunningDev) -> None:
    """Have the settings read again, and wait until only those serve who took them."""
    old = {title for title in children(dev.process.pid) if "worker" in title}
    os.kill(dev.process.pid, signal.SIGHUP)
    until(lambda: any(f'"event":"{end}"' in dev.logs() for end in ENDS), "the roll ends")
    assert '"event":"roll_ended"' in dev.logs()
    until(lambda: not old & children(dev.process.pid).keys(), "the old worker is gone")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "extra.toml"
    path.write_text("", encoding="utf-8")
    return path


def test_a_workers_setting_is_in_effect_after_a_roll(config: Path) -> None:
    with running_service(MMT_CONFIG=str(config), **SOON) as service, ThreadPoolExecutor(1) as pool:
        living, _ = service.connected()
        slow, account = service.expired("uphold")
        config.write_text("max_calls = 1\nrefresh_waiters = 1\nrestart_pause = 5\n", encoding="utf-8")
        roll(service.dev)

        service.fault("uphold", account, "slow", seconds=5, endpoint="token")
        waiting = pool.submit(lambda: service.write.resolve(slow))
        until(lambda: service.books("uphold", account)["refreshes"], "the refresh is under way")
        assert refusal(lambda: service.read.resolve(living)).reason == "OVERLOADED"
        assert token_of(waiting.result())
        (warned,) = [line for line in service.dev.logs().splitlines() if "setting_needs_restart" in line]
        assert '"settings":["restart_pause"]' in warned


def test_an_exchangers_setting_is_in_effect_after_a_roll(config: Path) -> None:
    with running_service(MMT_CONFIG=str(config), **SOON) as service:
        before, first, second = (service.expired()[0] for _ in range(3))
        assert token_of(service.write.resolve(before))
        config.write_text('[providers.coinbase]\nrate_limit = "1/1000s"\n', encoding="utf-8")
        roll(service.dev)

        assert token_of(service.write.resolve(first))
        assert refusal(lambda: service.write.resolve(second)).reason == "PROVIDER_RATE_LIMITED"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(folder=tmp_path)


def new_leaf(authority: Authority, folder: Path, name: str) -> Path:
    """Have a further certificate signed for the same host, in a file of its own with its key."""
    authority.server(HOST)
    return (folder / f"{HOST}.pem").rename(folder / name)


def serial_of(pem: Path) -> int:
    return x509.load_pem_x509_certificate(pem.read_bytes()).serial_number


def shown_at(address: str, authority: Authority) -> int:
    """The serial number of the certificate that a new connection is shown."""
    trust = authority.trust()
    trust.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        trust.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


@contextlib.contextmanager
def trusting(dev: RunningDev, authority: Authority) -> Iterator[Service]:
    """The service as callers see it who believe the authority."""
    (root,) = authority.trust().get_ca_certs(binary_form=True)
    credentials = grpc.ssl_channel_credentials(ssl.DER_cert_to_PEM_cert(root).encode())
    options = [("grpc.ssl_target_name_override", HOST)]
    with contextlib.ExitStack() as stack:
        write, read = (
            stack.enter_context(
                contextlib.closing(Caller(dev.address, dev.api_keys[scope], credentials=credentials, options=options))
            )
            for scope in ("write", "read")
        )
        yield Service(dev, write, read)


def test_another_certificate_is_shown_after_a_roll_while_calls_of_old_connections_go_on(
    config: Path, authority: Authority, tmp_path: Path
) -> None:
    one, other = (new_leaf(authority, tmp_path, name) for name in ("one.pem", "other.pem"))
    config.write_text(f'tls_certificate = "{one}"\ntls_key = "{one}"\n', encoding="utf-8")
    with (
        running_dev(MMT_CONFIG=str(config), **SOON) as dev,
        trusting(dev, authority) as service,
        ThreadPoolExecutor(1) as pool,
    ):
        slow, account = service.expired()
        service.fault("coinbase", account, "slow", seconds=4, endpoint="token")
        config.write_text(f'tls_certificate = "{other}"\ntls_key = "{other}"\n', encoding="utf-8")
        assert shown_at(dev.address, authority) == serial_of(one)
        under_way = pool.submit(lambda: service.write.resolve(slow))
        until(lambda: service.books("coinbase", account)["refreshes"], "the refresh is under way")
        roll(dev)

        assert shown_at(dev.address, authority) == serial_of(other) != serial_of(one)
        assert token_of(under_way.result())
        assert token_of(service.write.resolve(slow))


def test_a_certificate_that_is_replaced_in_its_place_is_shown_after_a_roll(
    config: Path, authority: Authority, tmp_path: Path
) -> None:
    leaf = new_leaf(authority, tmp_path, "leaf.pem")
    first = serial_of(leaf)
    config.write_text(f'tls_certificate = "{leaf}"\ntls_key = "{leaf}"\n', encoding="utf-8")
    with running_dev(MMT_CONFIG=str(config), **SOON) as dev, trusting(dev, authority) as service:
        token_id, _ = service.connected()
        new_leaf(authority, tmp_path, "next.pem").replace(leaf)
        roll(dev)

        assert shown_at(dev.address, authority) == serial_of(leaf) != first
        assert token_of(service.read.resolve(token_id))
