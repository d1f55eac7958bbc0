"""Whatever an exchange answers, requests go to the hosts that its settings name, and to nobody else."""

import contextlib
from collections.abc import Callable, Mapping, Sequence

import pytest

from mmt_grpc.domain.model import BearerToken, Scope
from mmt_grpc.domain.ports.providers import Failure, Provider, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.deadline import boot_time
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.exchange_http import ExchangeHttp, Limits, default_tls
from mmt_grpc.providers.message import Request
from mmt_grpc.providers.registry import Surroundings
from mmt_grpc.providers.resolver import Resolver, Target
from tests.providers.acme import RENEWAL, TOKENS, failure_of, integration, redeem, refresh, revoke
from tests.providers.binance import LOGIN, PAIR, scripted
from tests.support.http_script import ScriptedServer, says

TOKEN = BearerToken(Secret("canary-access"))
STATUSES = [200, 201, 300, 301, 302, 303, 305, 307, 308, 401, 402, 403, 404, 410, 421, 429, 503]
PLACES = (
    "issuer token_endpoint revocation_endpoint introspection_endpoint userinfo_endpoint token_url revoke_url "
    "account_url scopes_url session_url login_url restrictions_url url href location next resource server"
)
"""What names a place in the answers of exchanges, and in the documents by which clients find them."""

Ask = Callable[[Provider], object]
OAUTH: Sequence[Ask] = (
    redeem,
    refresh,
    lambda provider: provider.read_account(TOKEN),
    lambda provider: provider.read_granted_scopes(TOKEN),
    lambda provider: provider.probe(TOKEN),
    lambda provider: revoke(provider, TOKEN, RENEWAL),
)
LOGINS: Sequence[Ask] = (
    lambda provider: provider.redeem(LOGIN, Scope.READ),
    lambda provider: provider.read_account(PAIR),
    lambda provider: provider.probe(PAIR),
    lambda provider: provider.probe(TOKEN),
    lambda provider: revoke(provider, TOKEN),
)


class Names:
    """A name server that knows every name, all of them on this machine, and remembers which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def lookup(self, host: str, port: int) -> Sequence[Target]:
        self.asked.append(host)
        return [Target(2, "127.0.0.1", port)]


def pointing_to(url: str) -> tuple[Mapping[str, object], Mapping[str, str]]:
    """Return a body and headers that name another place wherever one is ever looked for."""
    body = {**TOKENS, "session_token": "new-session", "id": "me", **{name: f"{url}/{name}" for name in PLACES.split()}}
    headers = {
        "Location": f"{url}/location",
        "Content-Location": f"{url}/content",
        "Refresh": f"0; url={url}/refresh",
        "Link": f'<{url}/next>; rel="next"',
        "Alt-Svc": f'http/1.1="{url.removeprefix("http://")}"; ma=3600',
        "WWW-Authenticate": f'Bearer resource_metadata="{url}/metadata"',
        "Retry-After": "0",
    }
    return body, headers


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", ["oauth", "logins"])
def test_no_answer_of_an_exchange_has_anything_sent_to_another_host(status: int, kind: str) -> None:
    names = Names()
    around = Surroundings(lookup=names.lookup, sleep=lambda _: None)
    with ScriptedServer(says(200, TOKENS)) as elsewhere:
        body, headers = pointing_to(f"http://elsewhere.example:{elsewhere.port}")
        with ScriptedServer(says(status, body, headers)) as server:
            url = f"http://exchange.example:{server.port}"
            if kind == "oauth":
                asks, provider = OAUTH, integration(url, surroundings=around, scopes_url=f"{url}/scopes")
            else:
                asks, provider = LOGINS, scripted(url, around, revoke_url=f"{url}/revoke")
            for ask in asks:
                with contextlib.suppress(ProviderError):
                    ask(provider)
            heads = server.heads()
        assert elsewhere.requests == []

    assert len(heads) >= len(asks)
    assert {head["host"] for head in heads} == {f"exchange.example:{server.port}"}
    assert set(names.asked) == {"exchange.example"}


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example:{port}/token",
        "http://exchange.example.elsewhere.example:{port}/token",
        "http://api.exchange.example:{port}/token",
        "http://example:{port}/token",
        "http://127.0.0.1:{port}/token",
        "http://exchange.example/token",
        "https://exchange.example:{port}/token",
    ],
)
def test_a_host_a_port_or_a_scheme_that_no_setting_names_is_not_even_resolved(url: str) -> None:
    names = Names()
    with ScriptedServer(says(200, TOKENS)) as server:
        named = Endpoint.parse(f"http://exchange.example:{server.port}/token")
        other = Endpoint.parse(url.format(port=server.port))
        http = ExchangeHttp(
            integration="acme",
            endpoints=[named],
            limits=Limits(connect_timeout=2.0, total_timeout=2.0, allow_private=True),
            resolver=Resolver(lookup=names.lookup),
            tls=default_tls,
            elapsed=boot_time,
        )
        assert failure_of(lambda: http.open(other, http.deadline())) is Failure.NOT_SENT
        assert failure_of(lambda: http.send(Request("POST", other), http.deadline())) is Failure.NOT_SENT
        assert (names.asked, server.requests) == ([], [])

        assert http.send(Request("POST", named), http.deadline()).status == 200
        assert names.asked == ["exchange.example"]
