"""A strict authorization server that this project did not write its client for, by settings alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.authorization_server import CLIENT, AuthorizationServer
from tests.support.clients import CREATED, READ, REAUTHENTICATED, WRITE, refusal, token_of
from tests.support.service import Service, running_service, someone

COINBASE_READ = "wallet:user:read wallet:accounts:read wallet:transactions:read wallet:addresses:read offline_access"


def is_alive(server: AuthorizationServer, token: str) -> bool:
    return server.get("/me", {"Authorization": f"Bearer {token}"})[0] == 200


@pytest.fixture(params=["basic", "body"], scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[AuthorizationServer]:
    with AuthorizationServer(client_auth=request.param) as server:
        yield server
        assert server.problems == []


@pytest.fixture(scope="module")
def acme(server: AuthorizationServer) -> Iterator[Service]:
    settings = {
        "TOKEN_URL": f"{server.url}/token",
        "REVOKE_URL": f"{server.url}/revoke",
        "ACCOUNT_URL": f"{server.url}/me",
        "ACCOUNT_FIELD": "data.id",
        "CLIENT_ID": CLIENT[0],
        "CLIENT_SECRET": CLIENT[1],
        "CLIENT_AUTH": server.client_auth,
        "READ_SCOPES": "accounts:read",
        "WRITE_SCOPES": "accounts:read transfers:write",
    }
    with running_service(**{f"MMT_PROVIDERS__ACME__{name}": value for name, value in settings.items()}) as service:
        yield service


def test_a_further_integration_needs_settings_alone(acme: Service, server: AuthorizationServer) -> None:
    user = someone()
    grant = server.allow(user, "accounts:read")
    first = acme.write.connect(user, "acme", READ, authorization_code=grant)
    assert (first.outcome, first.refreshable) == (CREATED, True)
    resolved = acme.write.resolve(first.token_id)
    assert is_alive(server, token_of(resolved))
    refreshes = server.refreshes
    newer = acme.write.resolve(first.token_id, rejected_generation=resolved.generation)
    assert token_of(newer) != token_of(resolved)
    assert server.refreshes == refreshes + 1
    again = acme.write.connect(user, "acme", READ, authorization_code=server.allow(user, "accounts:read"))
    assert (again.token_id, again.outcome) == (first.token_id, REAUTHENTICATED)
    token = token_of(acme.write.resolve(first.token_id))
    assert acme.write.revoke(first.token_id).upstream == 1  # UPSTREAM_REVOKED
    assert not is_alive(server, token)


def test_its_scopes_and_accounts_are_held_to(acme: Service, server: AuthorizationServer) -> None:
    user = someone()
    narrow = server.allow(user, "accounts:read")
    assert refusal(lambda: acme.write.connect(user, "acme", WRITE, authorization_code=narrow)).reason == (
        "GRANT_REJECTED"
    )
    both = server.allow(user, "accounts:read transfers:write")
    token_id = acme.write.connect(user, "acme", WRITE, authorization_code=both).token_id
    assert token_of(acme.write.resolve(token_id, WRITE))
    other = server.allow(someone(), "accounts:read transfers:write")
    assert refusal(lambda: acme.write.connect(user, "acme", WRITE, authorization_code=other)).reason == (
        "ACCOUNT_MISMATCH"
    )
    assert token_of(acme.write.resolve(token_id, WRITE))


def test_a_wrong_code_or_verifier_is_a_rejected_grant(acme: Service, server: AuthorizationServer) -> None:
    grant = server.allow(someone(), "accounts:read")
    wrong = grant | {"code_verifier": "w" * 43}
    assert refusal(lambda: acme.write.connect(someone(), "acme", READ, authorization_code=wrong)).reason == (
        "GRANT_REJECTED"
    )


def test_a_withdrawn_grant_wants_the_user_and_the_sandbox_goes_on(acme: Service, server: AuthorizationServer) -> None:
    user = someone()
    token_id = acme.write.connect(user, "acme", READ, authorization_code=server.allow(user, "accounts:read")).token_id
    for grant in server.grants:
        grant.dead = True
    refused = refusal(lambda: acme.write.resolve(token_id, rejected_generation=1))
    assert refused.metadata == {"cause": "PROVIDER_REVOKED", "integration": "acme"}
    other, account = acme.connected()
    assert acme.is_live("coinbase", account, token_of(acme.write.resolve(other)))


def test_coinbase_can_be_pointed_elsewhere_by_its_token_url_alone() -> None:
    """What only the real exchange has, lookups and revocation, is not asked of another server."""
    with AuthorizationServer(client_auth="body") as server:
        env = {
            "MMT_PROVIDERS__COINBASE__TOKEN_URL": f"{server.url}/token",
            "MMT_PROVIDERS__COINBASE__CLIENT_ID": CLIENT[0],
            "MMT_PROVIDERS__COINBASE__CLIENT_SECRET": CLIENT[1],
        }
        with running_service(**env) as service:
            user = someone()
            code = server.allow(user, COINBASE_READ)
            token_id = service.write.connect(user, "coinbase", READ, authorization_code=code).token_id
            resolved = service.write.resolve(token_id)
            assert is_alive(server, token_of(resolved))
            newer = service.write.resolve(token_id, rejected_generation=resolved.generation)
            assert is_alive(server, token_of(newer))
            assert newer.generation == resolved.generation + 1
            assert service.write.revoke(token_id).upstream == 3  # UPSTREAM_UNSUPPORTED
        assert server.problems == []
