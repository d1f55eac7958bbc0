"""Everything that is wrong is named at once, by name and never by value; what is unsafe is refused."""

from pathlib import Path

import pytest

from mmt_grpc.providers.options import OAuthOptions
from mmt_grpc.settings.filesystem import filesystem_type
from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.settings.problems import SettingsError
from tests.settings.conftest import Read, Refused

SPOILT = (
    {
        "workrs": "canary",
        "workers": "canary",
        "max_calls": 0,
        "log": {"level": "canary", "colour": "canary"},
        "audit": "canary",
        "database": {"pool_size": 1.5, "tls": True},
        "reflection": "canary",
        "default_deadline": "canary",
        "keys": {},
        "wallets": {"names": 3},
    },
    {
        "MMT_PROVIDERS__COINBASE__TOKEN_URL": "canary",
        "MMT_PROVIDERS__ACME__CLIENT_IDD": "canary",
        "MMT_PROVIDERS__BINANCE__CLIENT_ID": "canary",
        "MMT_PROVIDERS__BINANCE__CONNECT_TIMEOUT": "61",
        "MMT_NO_SUCH": "canary",
    },
)
NAMED = [
    "MMT_NO_SUCH: is no setting",
    "MMT_PROVIDERS__ACME__CLIENT_IDD: is no setting; is `client_id` meant?",
    "MMT_PROVIDERS__BINANCE__CLIENT_ID: is no setting",
    "audit: must be a table",
    "database.pool_size: must be a whole number",
    "database.tls: must be one of 'auto', 'off' or 'verify'",
    "default_deadline: must be a number",
    "keys.directory: is missing",
    "keys.root_key_file: is missing",
    "log.colour: is no setting",
    "log.level: must be one of 'debug', 'info', 'warning' or 'error'",
    "max_calls: must be at least 1",
    "providers.acme.client_id: is missing",
    "providers.acme.client_secret: is missing",
    "providers.acme.token_url: is missing",
    "providers.coinbase.client_id: is missing",
    "providers.coinbase.client_secret: is missing",
    "reflection: must be true or false",
    "wallets.names: must be a list",
    "workers: must be a whole number",
    "workrs: is no setting; is `workers` meant?",
]


def test_every_problem_is_named_at_once(refused: Refused) -> None:
    assert refused(*SPOILT) == NAMED


def test_nothing_at_all_names_everything_that_serving_needs() -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {})

    assert caught.value.problems == [
        "database_url: is missing",
        "keys.directory: is missing",
        "keys.root_key_file: is missing",
        "ledger_url: is missing",
        "state_dir: is missing",
        "tls_certificate: is missing, and `allow_plaintext` is not set",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:canary@h/x",
        "mysql://u:canary@h",
        "mysql://u:canary@h:canary/x",
        "mysql://u:p?canary=x@h/x",
        "mysql://u:p@h/x?canary=1",
        "mysql://u:p@h/x?read_timeout=canary",
        "canary",
    ],
)
def test_a_database_that_cannot_be_meant_is_refused(refused: Refused, url: str) -> None:
    [problem] = refused({"database_url": url})

    assert problem.startswith("database_url: cannot be used, ")


def test_an_address_is_a_host_and_a_port(refused: Refused) -> None:
    for address in ("canary", "127.0.0.1", "127.0.0.1:70000", "::1:1", "http://127.0.0.1:1", ":1"):
        assert 'listen: must be of the form "host:port", an IPv6 host in brackets' in refused({"listen": [address]})


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "db.example:1"])
def test_plaintext_is_served_on_loopback_only(refused: Refused, address: str) -> None:
    problems = refused({"listen": ["127.0.0.1:1", address]})

    assert problems == ["listen: must name loopback addresses only, for there is no TLS"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_addresses_are_known(read: Read, address: str) -> None:
    assert read({"listen": [address]}).table.listen == (address,)


def test_plaintext_must_be_asked_for(refused: Refused) -> None:
    assert refused({"allow_plaintext": False}) == ["tls_certificate: is missing, and `allow_plaintext` is not set"]


def test_with_a_certificate_any_address_is_served(read: Read, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    tls = {"tls_certificate": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}

    assert read(tls | {"listen": ["0.0.0.0:443"], "allow_plaintext": False}).table.tls_key == tmp_path / "key.pem"


def test_certificate_and_key_go_together_and_exist(refused: Refused) -> None:
    assert refused({"tls_certificate": "/nowhere/canary"}) == [
        "tls_certificate: names no file",
        "tls_key: is missing: certificate and key go together",
    ]


def test_metrics_are_for_this_machine_alone(refused: Refused) -> None:
    assert refused({"metrics_listen": "0.0.0.0:9100"}) == ["metrics_listen: must be a loopback address"]


SQLITE_LEDGER = {"ledger_url": "sqlite:////ledger.db"}


@pytest.mark.parametrize("purpose", Purpose)
def test_a_ledger_beside_a_server_is_no_file(refused: Refused, purpose: Purpose) -> None:
    assert refused(SQLITE_LEDGER, purpose=purpose) == [
        "ledger_url: must not be SQLite beside a database on a server: the replicas share the ledger"
    ]


def test_in_dev_or_beside_sqlite_it_may_be(read: Read) -> None:
    for more in ({"mode": "dev"}, {"database_url": "sqlite:////database.db"}):
        assert read(SQLITE_LEDGER | more).ledger_url.reveal() == SQLITE_LEDGER["ledger_url"]


def test_the_ledger_is_not_the_database(refused: Refused) -> None:
    url = "mysql://mmt:canary@db.example/mmt"

    assert refused({"database_url": url, "ledger_url": url}) == [
        "ledger_url: must not be the database: a restored backup would bring both back"
    ]


@pytest.mark.parametrize("mode", ["production", None])
def test_state_is_not_kept_in_memory(refused: Refused, read: Read, mode: str | None) -> None:
    problems = refused({"mode": mode, "audit_path": "/var/log/mmt"}, filesystem="tmpfs")

    assert problems == [
        "audit_path: is on a file system in memory, which a restart would empty",
        "state_dir: is on a file system in memory, which a restart would empty",
    ]
    read({"mode": "dev"}, filesystem="tmpfs")


def test_file_systems_are_told_apart(tmp_path: Path) -> None:
    assert filesystem_type(Path("/proc/self")) == "proc"
    assert filesystem_type(tmp_path / "not" / "yet") == filesystem_type(tmp_path)


ACME = {"token_url": "http://acme.example/token", "client_id": "me", "client_secret": "canary"}


def test_http_is_refused_but_in_dev(refused: Refused, read: Read) -> None:
    assert refused({"providers": {"acme": {**ACME, "allow_private": True}}}) == [
        "providers.acme.token_url: is not https"
    ]
    read({"mode": "dev", "providers": {"acme": ACME}})


def test_private_addresses_are_for_dev_and_can_be_refused_there_too(read: Read, refused: Refused) -> None:
    secure = ACME | {"token_url": "https://acme.example/token"}

    def allowed(mode: str, **more: object) -> bool:
        acme = read({"mode": mode, "providers": {"acme": secure | more}}).providers["acme"]
        assert isinstance(acme, OAuthOptions)
        return acme.allow_private

    assert allowed("dev")
    assert not allowed("dev", allow_private=False)
    assert not allowed("production", allow_private=True)
    assert refused({"mode": "dev", "providers": {"acme": {**ACME, "allow_private": False}}})


def test_an_integration_has_a_name_and_is_no_wallet(refused: Refused) -> None:
    providers = {"Acme": ACME, "phantom": ACME | {"token_url": "https://acme.example/token"}, "other": 3}

    assert refused({"providers": providers}) == [
        "providers.Acme: is no name: a lower-case letter, then letters, digits, `_` and `-`",
        "providers.other: must be a table",
        "wallets.names: names integrations that hold tokens: phantom",
    ]


@pytest.mark.parametrize("variable", ["MMT_", "MMT___X", "MMT_LOG____LEVEL"])
def test_a_variable_that_names_nothing_is_refused(refused: Refused, variable: str) -> None:
    assert refused(environ={variable: "canary"}) == [f"{variable}: names no setting"]


def test_more_may_not_wait_than_are_served(refused: Refused) -> None:
    assert refused({"max_calls": 32}) == ["refresh_waiters: must be at most `max_calls`"]


def test_paths_that_can_be_none_are_refused(refused: Refused) -> None:
    assert refused({"state_dir": "a\0canary"})[0] == "state_dir: must be a path"
    assert refused({"state_dir": "~nobody-of-this-name/canary"})[0].startswith("state_dir: begins with a home")


def test_a_variable_that_is_no_text_is_refused(refused: Refused) -> None:
    assert refused(environ={"MMT_DATABASE_URL": "canary\udcff"}) == ["MMT_DATABASE_URL: is not UTF-8"]
