"""The settings that point the service at the sandbox."""

from mmt_grpc.sandbox import SandboxServer, provider_settings
from mmt_grpc.sandbox.dispatch import Dispatcher

BASE = "http://127.0.0.1:1"


def test_each_integration_has_the_settings_that_its_kind_takes() -> None:
    settings = provider_settings(BASE, "acme")
    oauth = {"authorize_url", "token_url", "revoke_url", "account_url", "client_id", "client_secret"}
    assert settings["coinbase"].keys() == oauth | {"scopes_url"}
    assert settings["uphold"].keys() == oauth
    assert settings["binance"].keys() == {"login_url", "restrictions_url", "account_url", "session_url"}
    shape = {"account_field", "client_auth", "read_scopes", "write_scopes", "rotation"}
    assert settings["acme"].keys() == oauth | shape


def test_every_url_is_one_that_the_sandbox_serves(sandbox: SandboxServer) -> None:
    dispatcher = sandbox._dispatcher
    assert isinstance(dispatcher, Dispatcher)
    for name, table in provider_settings(sandbox.base_url, "acme").items():
        exchange = dispatcher._market.exchange(name)
        assert exchange is not None
        served = {path for _, path in exchange.endpoints}
        urls = [value for setting, value in table.items() if setting.endswith("_url")]
        assert {url.removeprefix(f"{sandbox.base_url}/{name}") for url in urls} <= served


def test_without_further_names_there_are_the_three() -> None:
    assert provider_settings(BASE).keys() == {"coinbase", "uphold", "binance"}
