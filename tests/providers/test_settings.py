"""An integration is its settings: which are refused, and which add one that no code knows."""

from pathlib import Path

import pytest

from mmt_grpc.domain.errors import IntegrationUnknownError
from mmt_grpc.domain.model import BearerToken, Liveness, Scope
from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.defaults import DEFAULTS
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.exchange_http import ExchangeHttp, Limits, default_tls
from mmt_grpc.providers.options import OAuthOptions, RateLimit, problems
from mmt_grpc.providers.registry import ConfiguredProviders, open_providers
from mmt_grpc.providers.resolver import Resolver, Target
from tests.providers.acme import TOKENS, error_of, failure_of, integration, redeem, refresh
from tests.support.http_script import ScriptedServer, says
from tests.support.settings_tables import options_of

CLIENT = {"client_id": "id", "client_secret": "canary"}
PUBLIC = {"allow_private": False}


def oauth(**fields: object) -> OAuthOptions:
    options = options_of("acme", {"token_url": "https://acme.example/token", **CLIENT, **PUBLIC, **fields})
    assert isinstance(options, OAuthOptions)
    return options


@pytest.mark.parametrize("name", ["coinbase", "uphold", "binance"])
def test_the_defaults_need_no_more_than_a_client(name: str) -> None:
    client = {} if name == "binance" else CLIENT
    assert problems(options_of(name, {**client, **PUBLIC})) == []


@pytest.mark.parametrize("name", ["coinbase", "uphold"])
def test_writing_asks_for_more_than_reading(name: str) -> None:
    provider = open_providers({name: options_of(name, CLIENT)}, on_retry=lambda *_: None).get(name)
    assert set(provider.asked_scopes(Scope.READ)) < set(provider.asked_scopes(Scope.WRITE))
    assert provider.covers(provider.asked_scopes(Scope.WRITE), Scope.WRITE)


def test_every_default_is_https() -> None:
    urls = [value for table in DEFAULTS.values() for field, value in table.items() if field.endswith("_url")]
    assert urls
    assert all(str(url).startswith("https://") for url in urls)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_url", "http://acme.example/token"),
        ("token_url", "ftp://acme.example/token"),
        ("token_url", "acme.example/token"),
        ("token_url", "https:///token"),
        ("token_url", "https://user:canary@acme.example/"),
        ("token_url", "https://acme.example/#canary"),
        ("token_url", "https://acme.example/\r\ncanary"),
        ("token_url", "https://acme.example:canary/"),
        ("token_url", "https://acme.example:99999/"),
        ("token_url", "https://[::1/"),
        ("token_url", "https://äcme.example/"),
        ("account_url", ""),
        ("session_url", "http://acme.example/"),
        ("connect_timeout", 0),
        ("connect_timeout", 45.1),
        ("total_timeout", 45.1),
        ("total_timeout", 60),
        ("total_timeout", float("nan")),
        ("client_id", ""),
        ("client_secret", ""),
        ("account_field", "data..id"),
        ("scopes_field", ""),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(field: str, value: object) -> None:
    options = oauth(**{field: value})

    assert [name for name, _ in problems(options)] == [field]
    with pytest.raises(ValueError, match=rf"^providers\.acme\.{field} ") as caught:
        open_providers({"acme": options}, on_retry=lambda *_: None)
    assert "canary" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    options = oauth(token_url="http://a", client_id="")
    with pytest.raises(ValueError, match=r"providers\.acme\.token_url .*; providers\.acme\.client_id "):
        open_providers({"acme": options}, on_retry=lambda *_: None)


def test_http_is_taken_where_private_addresses_are() -> None:
    assert problems(oauth(token_url="http://localhost:1/token", allow_private=True)) == []


@pytest.mark.parametrize("text", ["", "50", "50/300", "0/300s", "50/0s", "-1/3s", "50/300s ", "5.5/3s", "\u0665/3s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        RateLimit.parse(text)


def test_a_rate_is_requests_in_seconds() -> None:
    assert RateLimit.parse("50/300s") == RateLimit(50, 300)


def test_the_options_do_not_show_the_client_secret() -> None:
    assert "canary" not in repr(oauth())


def test_an_integration_that_is_not_configured_is_unknown(providers: ConfiguredProviders) -> None:
    with pytest.raises(IntegrationUnknownError):
        providers.get("nobody")


def test_a_further_integration_is_one_more_table_and_nothing_else() -> None:
    account = says(200, {"user": {"profile": {"number": 42}}})
    scopes = says(200, {"grant": {"allowed": "see,move"}})
    with ScriptedServer(says(200, TOKENS), says(200, TOKENS), account, scopes, says(401)) as server:
        provider = integration(
            server.url,
            name="further",
            client_auth="basic",
            client_id="our id",
            account_field="user.profile.number",
            scopes_url=f"{server.url}/scopes",
            scopes_field="grant.allowed",
            session_url=f"{server.url}/session",
            read_scopes="see",
            write_scopes="move",
        )
        credential = redeem(provider).credential
        refresh(provider)

        assert provider.read_account(credential) == "42"
        assert provider.read_granted_scopes(credential) == ("see", "move")
        assert provider.probe(credential) is Liveness.DEAD
        sent = server.heads()

    # "our+id:canary-client-secret", each half form-encoded first (RFC 6749 section 2.3.1).
    basic = "Basic b3VyK2lkOmNhbmFyeS1jbGllbnQtc2VjcmV0"
    assert [head.get("authorization") for head in sent] == [basic, basic, *["Bearer new-access"] * 3]
    assert [head[""].split(" ")[1] for head in sent] == ["/token", "/token", "/account", "/scopes", "/session"]
    assert b"client" not in b"".join(server.bodies())


def test_scopes_are_judged_entry_by_entry() -> None:
    provider = integration("https://acme.example", read_scopes="see offline_access", write_scopes="see move")

    assert provider.asked_scopes(Scope.WRITE) == ("see", "offline_access", "move")
    assert provider.covers(["see"], Scope.READ)
    assert not provider.covers(["see"], Scope.WRITE)
    assert not provider.covers(["move"], Scope.WRITE)
    assert provider.covers(["move", "see", "more"], Scope.WRITE)
    assert not provider.is_wider(["see", "move"], Scope.READ)


def test_a_wider_grant_is_refused_where_the_setting_says_so() -> None:
    provider = integration("https://acme.example", read_scopes="see", write_scopes="see move", refuse_wider_grants=True)
    assert provider.is_wider(["see", "move"], Scope.READ)
    assert not provider.is_wider(["see", "more"], Scope.READ)
    assert not provider.is_wider(["see", "move"], Scope.WRITE)


def test_unset_lookups_learn_nothing() -> None:
    provider = integration("https://acme.example", account_url=None)
    with ScriptedServer(says(200, TOKENS)) as server:
        credential = redeem(integration(server.url)).credential

    assert provider.read_account(credential) is None
    assert provider.read_granted_scopes(credential) is None
    assert provider.probe(credential) is Liveness.UNKNOWN


def test_only_hosts_that_the_settings_name_are_talked_to() -> None:
    with ScriptedServer(says(200, {})) as server:
        http = ExchangeHttp(
            integration="acme",
            endpoints=[Endpoint.parse(server.url)],
            limits=Limits(2.0, 10.0, allow_private=True),
            resolver=Resolver(lookup=lambda _, port: [Target(2, "127.0.0.1", port)]),
            tls=default_tls,
            elapsed=lambda: 0.0,
        )
        deadline = Deadline(seconds=5.0, elapsed=lambda: 0.0)
        http.open(Endpoint.parse(f"{server.url}/any"), deadline).close()

        def open_elsewhere() -> None:
            http.open(Endpoint.parse(f"http://127.0.0.1:{server.port}/"), deadline)

        assert failure_of(open_elsewhere) is Failure.NOT_SENT


def test_the_default_trust_verifies_and_keeps_no_session_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = default_tls()
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"
    assert context.keylog_filename is None


def test_a_failure_is_named_by_integration_and_class_alone() -> None:
    with ScriptedServer(says(400, {"error": "invalid_grant", "error_description": "canary"})) as server:
        error = error_of(lambda: redeem(integration(server.url)))
    assert (str(error), error.__cause__) == ("acme: permanent", None)


def test_a_lookup_that_says_nothing_readable_is_no_answer() -> None:
    with ScriptedServer(says(200, TOKENS), says(200, b"<html>")) as server:
        provider = integration(server.url, scopes_url=f"{server.url}/scopes")
        credential = redeem(provider).credential
        assert failure_of(lambda: provider.read_granted_scopes(credential)) is Failure.NOT_CONSUMED
        assert failure_of(lambda: provider.read_account(credential)) is Failure.NOT_CONSUMED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {}, Liveness.ALIVE),
        (204, {}, Liveness.ALIVE),
        (401, {}, Liveness.DEAD),
        (403, {"error": "insufficient_scope"}, Liveness.ALIVE),
        (403, {"errors": [{"id": "invalid_scope"}]}, Liveness.ALIVE),
        (403, {}, Liveness.UNKNOWN),
        (402, {"errors": [{"id": "two_factor_required"}]}, Liveness.ALIVE),
    ],
)
def test_a_probe_takes_each_status_for_what_it_proves(status: int, body: object, expected: Liveness) -> None:
    with ScriptedServer(says(status, body)) as server:
        assert integration(server.url).probe(BearerToken(Secret("token"))) is expected


def test_a_step_cannot_move_the_end_of_the_whole() -> None:
    now = [0.0]
    whole = Deadline(seconds=5.0, elapsed=lambda: now[0])
    assert (whole.within(2.0).left, whole.within(9.0).left) == (2.0, 5.0)

    now[0] = 6.0
    assert (whole.left, whole.within(1.0).left) == (0.0, 0.0)
    with pytest.raises(TimeoutError):
        whole.require()
