"""What each child is given: all that it needs, nothing that it must not have."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import LoginOptions, OAuthOptions
from mmt_grpc.settings.codec import SliceError, encode
from mmt_grpc.settings.exchanger_slice import ExchangerSlice
from mmt_grpc.settings.provider_tables import LoginTable, OAuthTable
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice, WorkerSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice, worker_slice
from mmt_grpc.settings.tables import DatabaseTable, Table
from mmt_grpc.store.settings import StoreSettings
from tests.settings.conftest import Read
from tests.support.tree import ROOT


@pytest.fixture
def settings(read: Read) -> Settings:
    return read(
        {
            "max_connection_age": 300,
            "database": {"tls": "verify", "tls_ca": "/ca.pem"},
            "providers": {
                "coinbase": {"client_id": "me", "client_secret": "provider-canary", "rate_limit": "5/10s"},
                "acme": {"client_id": "me", "client_secret": "provider-canary", "token_url": "https://a.example/t"},
            },
        }
    )


def birth(role: str) -> Birth:
    channel = ChannelSlice(socket=Path("/run/mmt/socket"), secret=Secret("channel"))
    return Birth(role=role, life=b"\x01" * 16, channel=channel, metrics_dir=Path("/metrics"))


def a_worker(settings: Settings) -> WorkerSlice:
    addresses = ("127.0.0.1:1234",)
    return worker_slice(settings, birth("worker-0"), addresses=addresses, keyring=b"\0\xff", core=None)


def test_a_slice_survives_the_pipe(settings: Settings) -> None:
    worker, exchanger = a_worker(settings), exchanger_slice(settings, birth("exchanger"))

    assert WorkerSlice.from_bytes(worker.to_bytes()) == worker
    assert ExchangerSlice.from_bytes(exchanger.to_bytes()) == exchanger


def test_a_worker_learns_no_secret_of_a_provider(settings: Settings) -> None:
    assert b"provider-canary" not in a_worker(settings).to_bytes()
    assert b"root.key" not in a_worker(settings).to_bytes()
    assert b"provider-canary" in exchanger_slice(settings, birth("exchanger")).to_bytes()


def test_a_slice_shows_no_secret_when_it_is_printed(settings: Settings) -> None:
    shown = repr(exchanger_slice(settings, birth("exchanger")))

    assert "canary" not in shown


def test_reading_a_workers_slice_needs_neither_validation_nor_providers(settings: Settings) -> None:
    program = (
        "import sys; from mmt_grpc.settings.slices import WorkerSlice; WorkerSlice.from_bytes(sys.stdin.buffer.read());"
        "print(sorted({'pydantic', 'mmt_grpc.providers'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], input=a_worker(settings).to_bytes(), cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout == b"[]\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b'"core":null', b'"core":"canary"'),
        lambda data: data.replace(b'"core":null', b'"core":null,"more":1'),
        lambda data: data.replace(b'"AuditSlice"', b'"OtherSlice"'),
        lambda data: data.replace(b'"keyring":"', b'"keyring":"!canary'),
        lambda data: data.replace(b'"coinbase":"oauth"', b'"coinbase":"canary"'),
        lambda data: b"[]" + data[:0],
    ],
)
def test_what_is_no_slice_is_refused_without_its_content(settings: Settings, spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(SliceError) as caught:
        WorkerSlice.from_bytes(spoil(a_worker(settings).to_bytes()))

    assert "canary" not in str(caught.value)


def test_a_slice_holds_only_what_can_be_read_back() -> None:
    @dataclasses.dataclass
    class Odd:
        value: object

    with pytest.raises(TypeError):
        encode(Odd({1, 2}))


@pytest.mark.parametrize(
    ("table", "options", "extra"),
    [
        (OAuthTable, OAuthOptions, {"enabled"}),
        (LoginTable, LoginOptions, {"enabled"}),
        (DatabaseTable, StoreSettings, {"pool_size"}),
    ],
    ids=["oauth", "login", "database"],
)
def test_tables_offer_what_the_options_have(table: type[Table], options: type, extra: set[str]) -> None:
    names = {field.name for field in dataclasses.fields(options)}

    assert set(table.model_fields) - extra == names - {"sql_mode"}
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    for name, field in table.model_fields.items():
        if name in names and not field.is_required() and name != "allow_private":
            assert field.default == defaults[name]
