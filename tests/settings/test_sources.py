"""Where a setting comes from, and which source wins."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import LoginOptions, OAuthOptions
from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.settings.problems import SettingsError
from mmt_grpc.settings.sources import overlay
from mmt_grpc.settings.toml_writer import render_toml, write_toml
from tests.settings.conftest import Read, Refused, complete


def test_unset_settings_have_their_defaults(read: Read, tmp_path: Path) -> None:
    settings = read()

    table = settings.table
    assert (table.max_calls, table.revoke_slots, table.refresh_waiters, table.default_deadline) == (128, 16, 64, 10.0)
    assert settings.workers == len(os.sched_getaffinity(0))
    assert settings.audit_path == tmp_path / "state/audit"
    assert settings.renewal_root_key_file == settings.access_root_key_file
    assert not settings.reflection
    assert set(settings.providers) == {"binance"}


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(read: Read) -> None:
    settings = read(
        {"workers": 2, "max_calls": 200, "log": {"level": "debug", "format": "json"}},
        {"MMT_WORKERS": "3", "MMT_LOG__LEVEL": "error"},
        defaults={"workers": 1, "revoke_slots": 5, "log": {"format": "console"}},
        overrides={"workers": 4},
    )

    assert (settings.workers, settings.table.max_calls, settings.table.revoke_slots) == (4, 200, 5)
    assert (settings.log.level, settings.log.format) == ("error", "json")


def test_mmt_config_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mmt.toml"
    write_toml(path, complete(tmp_path) | {"workers": 7, "state_dir": "/srv/mmt"})

    assert load(None, {"MMT_CONFIG": str(path)}, filesystem_of=lambda _: "ext4").workers == 7


def test_lists_are_separated_by_spaces(read: Read) -> None:
    settings = read(environ={"MMT_WALLETS__NAMES": "one  two", "MMT_LISTEN": "127.0.0.1:1 [::1]:2"})

    assert settings.table.wallets.names == ("one", "two")
    assert settings.table.listen == ("127.0.0.1:1", "[::1]:2")


def test_an_unknown_name_is_an_oauth_integration_wherever_it_comes_from(read: Read) -> None:
    settings = read(
        {"providers": {"my-exchange": {"token_url": "https://a.example/t", "client_id": "me"}}},
        {
            "MMT_PROVIDERS__MY_EXCHANGE__CLIENT_SECRET": "canary",
            "MMT_PROVIDERS__ACME__TOKEN_URL": "https://acme.example/token",
            "MMT_PROVIDERS__ACME__CLIENT_ID": "me",
            "MMT_PROVIDERS__ACME__CLIENT_SECRET": "canary",
            "MMT_PROVIDERS__ACME__READ_SCOPES": "a b",
            "MMT_PROVIDERS__ACME__RATE_LIMIT": "50/300s",
        },
    )

    assert set(settings.providers) == {"binance", "my-exchange", "acme"}
    acme = settings.providers["acme"]
    assert isinstance(acme, OAuthOptions)
    assert acme.read_scopes == ("a", "b")
    assert acme.client_secret == Secret("canary")
    assert acme.rate_limit is not None
    assert (acme.rate_limit.requests, acme.rate_limit.seconds) == (50, 300)
    assert "canary" not in repr(settings)


def test_a_known_exchange_needs_only_its_credentials(read: Read) -> None:
    settings = read({"providers": {"coinbase": {"client_id": "me", "client_secret": "canary", "rotation": "overlap"}}})

    coinbase = settings.providers["coinbase"]
    assert isinstance(coinbase, OAuthOptions)
    assert coinbase.token_url == "https://login.coinbase.com/oauth2/token"
    assert coinbase.rotation.value == "overlap"
    assert isinstance(settings.providers["binance"], LoginOptions)


@pytest.mark.parametrize("name", ["binance", "coinbase"])
def test_an_integration_can_be_left_out(read: Read, name: str) -> None:
    assert name not in read(environ={f"MMT_PROVIDERS__{name.upper()}__ENABLED": "false"}).providers


def test_secrets_may_stand_in_files(read: Read, tmp_path: Path) -> None:
    for name in ("database", "ledger", "client"):
        (tmp_path / name).write_text(f"mysql://u:canary@h/{name}\n", encoding="utf-8")
    settings = read(
        {"providers": {"coinbase": {"client_id": "me", "client_secret_file": str(tmp_path / "client")}}},
        {"MMT_DATABASE_URL_FILE": str(tmp_path / "database"), "MMT_LEDGER_URL_FILE": str(tmp_path / "ledger")},
    )

    coinbase = settings.providers["coinbase"]
    assert isinstance(coinbase, OAuthOptions)
    assert coinbase.client_secret.reveal() == "mysql://u:canary@h/client"
    assert settings.database_url.reveal() == "mysql://u:canary@h/database"
    assert settings.ledger_url.reveal() == "mysql://u:canary@h/ledger"


def test_a_secret_and_its_file_at_once_are_one_too_many(refused: Refused) -> None:
    problems = refused(environ={"MMT_DATABASE_URL": "mysql://u:canary@h/x", "MMT_DATABASE_URL_FILE": "/nowhere"})

    assert problems == ["database_url_file: stands beside the secret itself"]


def test_a_secret_file_that_cannot_be_read_is_named_once(refused: Refused) -> None:
    problems = refused(
        {"providers": {"coinbase": {"client_id": "me", "client_secret_file": "/nowhere/canary"}}},
        {"MMT_DATABASE_URL_FILE": "/nowhere/canary"},
    )

    assert problems == [
        "database_url_file: the file cannot be read",
        "providers.coinbase.client_secret_file: the file cannot be read",
    ]


def test_variables_that_are_no_settings_are_left_alone(read: Read) -> None:
    settings = read(
        environ={
            "MMT_ADDRESS": "x",
            "MMT_API_KEY": "x",
            "MMT_TEST_MYSQL_ROOT": "x",
            "MMT_SERVICE_HOST": "10.0.0.1",
            "MMT_SERVICE_PORT_GRPC": "1",
            "MMT_PORT_50051_TCP_ADDR": "10.0.0.1",
            "OTHER": "x",
        }
    )

    assert settings == read()
    assert settings != read(environ={"MMT_LISTEN": "127.0.0.1:1"})


def test_an_empty_variable_unsets_what_may_be_unset(read: Read) -> None:
    settings = read({"metrics_listen": "127.0.0.1:1"}, {"MMT_METRICS_LISTEN": "", "MMT_AUDIT_PATH": ""})

    assert settings.table.metrics_listen is None
    assert settings.audit_path == settings.state_dir / "audit"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"workers = canary", "config: the file is not TOML (line 1, column 11)"),
        (b"\xff", "config: the file is not UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_without_its_text(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "mmt.toml"
    path.write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert problem in caught.value.problems
    assert "canary" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "none.toml", {})
    assert "config: the file cannot be read" in caught.value.problems


def test_a_written_configuration_is_read_back(tmp_path: Path) -> None:
    awkward = 'quote " backslash \\ line \n bell \x07 delete \x7f é 🎈'
    path = tmp_path / "mmt.toml"
    providers = {"a.b": {"client_secret": Secret(awkward), "read_scopes": ["x", awkward], "total_timeout": 1.5}}
    write_toml(path, {"providers": providers, "workers": 3, "reflection": True, "tls_key": None, "tls_ca": Path("/x")})
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {
        "workers": 3,
        "reflection": True,
        "tls_ca": "/x",
        "providers": {"a.b": {"client_secret": awkward, "read_scopes": ["x", awkward], "total_timeout": 1.5}},
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["mmt.toml"]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives_being_written(value: str, key: str) -> None:
    assert tomllib.loads(render_toml({"table": {key: value, "list": [value]}})) == {
        "table": {key: value, "list": [value]} if key != "list" else {"list": [value]}
    }


def test_the_file_of_a_secret_replaces_the_secret_below_it_and_the_reverse() -> None:
    assert overlay({"database_url": "a"}, {"database_url_file": "b"}) == {"database_url_file": "b"}
    assert overlay({"database_url_file": "a"}, {"database_url": "b"}) == {"database_url": "b"}


def test_what_is_no_setting_is_not_written() -> None:
    with pytest.raises(TypeError):
        render_toml({"workers": b"3"})


def test_administration_needs_no_server(tmp_path: Path) -> None:
    given = complete(tmp_path)
    environ = {
        "MMT_DATABASE_URL": str(given["database_url"]),
        "MMT_KEYS__DIRECTORY": "/k",
        "MMT_KEYS__ROOT_KEY_FILE": "/r",
    }

    settings = load(None, environ, purpose=Purpose.ADMINISTER)

    assert settings.keyring_dir == Path("/k")
    with pytest.raises(SettingsError, match="state_dir: is missing"):
        _ = settings.state_dir
