"""When what a Connect brought expires: as it was named, as the exchange said, by the database's clock, or never."""

import pytest

from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.domain.model import Grant, OAuthTokens, SessionGrant
from mmt_grpc.domain.secret import Secret
from tests.support.fakes_world import BEGINNING, HOUR, Client, World


@pytest.mark.parametrize(
    ("integration", "grant", "field"),
    [
        ("coinbase", OAuthTokens(Secret("a"), None, BEGINNING, ("accounts:read",)), "oauth_tokens.expire_time"),
        ("binance", SessionGrant(Secret("s"), BEGINNING), "session.expire_time"),
    ],
)
def test_a_past_expiry_is_refused_and_the_id_may_be_used_again(
    world: World, client: Client, integration: str, grant: Grant, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        client.connect("alice", grant, integration=integration, request_id="request-1")

    assert [violation.field for violation in refusal.value.violations] == [field]
    assert world.rows.requests == {}


def test_an_expiry_that_a_client_names_is_kept(world: World, client: Client) -> None:
    tokens = world.coinbase.ready("alice", refreshable=False)
    named = OAuthTokens(tokens.access_token, None, BEGINNING + 2 * HOUR, tokens.granted_scopes)

    assert client.connect("alice", named).expires_at == BEGINNING + 2 * HOUR


def test_a_refreshable_token_of_an_unknown_life_is_taken_to_live_an_hour(world: World, client: Client) -> None:
    connected = client.connect("alice", world.coinbase.authorize("alice", seconds=None))

    assert connected.expires_at == world.rows.now() + HOUR


def test_a_token_that_does_not_expire_and_cannot_be_refreshed_has_no_expiry(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice", seconds=None, refreshable=False)

    connected = client.connect("alice", code)

    assert (connected.expires_at, connected.refreshable) == (None, False)
    world.pass_time(1e8)
    assert client.token(connected.token_id)


def test_the_expiry_is_counted_from_the_databases_time_of_the_request(world: World, client: Client) -> None:
    slow = 3_000_000
    world.weather.before("now", lambda: world.clock.advance(slow))
    sent: list[int] = []
    world.coinbase.meanwhile("redeem", lambda: sent.append(world.rows.now()))
    world.coinbase.meanwhile("account", lambda: world.clock.advance(slow))

    connected = client.connect("alice", world.coinbase.authorize("alice"))

    assert connected.expires_at == sent[0] + HOUR
