"""How fresh a credential has to be, and how long it may be kept."""

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import JUST_REFRESHED
from tests.support.fakes_world import Client, World

DAY = 24 * 3600.0


class TestUseUntil:
    def test_a_credential_may_be_kept_for_a_minute(self, world: World, client: Client, token: str) -> None:
        assert client.resolve(token).use_until == world.rows.now() + 60 * MICROSECONDS

    def test_but_never_past_its_expiry(self, world: World, client: Client, session: str) -> None:
        world.pass_time(3590)

        resolved = client.resolve(session)

        assert resolved.use_until == resolved.expires_at == world.rows.now() + 10 * MICROSECONDS

    def test_one_that_does_not_expire_may_be_kept_for_a_minute_too(self, world: World, client: Client) -> None:
        key = client.connect("alice", world.binance.add_key("alice"), integration="binance")
        world.pass_time(DAY)

        assert client.resolve(key.token_id).use_until == world.rows.now() + 60 * MICROSECONDS


class TestMinValidity:
    @pytest.mark.parametrize(("left", "refreshes"), [(61, 0), (60, 0), (59.999999, 1)])
    def test_unset_wants_a_minute(self, world: World, client: Client, token: str, left: float, refreshes: int) -> None:
        world.pass_time(3600 - left)

        client.resolve(token)

        assert world.coinbase.counts["refreshes"] == refreshes

    @pytest.mark.parametrize(("left", "refreshes"), [(1, 0), (0.000001, 0), (0, 1), (-1, 1)])
    def test_zero_takes_any_that_is_alive(
        self, world: World, client: Client, token: str, left: float, refreshes: int
    ) -> None:
        world.pass_time(3600 - left)

        assert world.coinbase.is_alive(client.resolve(token, min_validity=0).credential)
        assert world.coinbase.counts["refreshes"] == refreshes

    def test_more_than_the_tokens_ever_have_gets_the_freshest_there_can_be(
        self, world: World, client: Client, token: str
    ) -> None:
        resolved = [client.resolve(token, min_validity=DAY) for _ in range(3)]

        assert world.coinbase.counts["refreshes"] == 1
        assert [answer.generation for answer in resolved] == [2, 2, 2]
        assert resolved[0].expires_at is not None

    def test_it_is_refreshed_again_only_after_half_a_minute(self, world: World, client: Client, token: str) -> None:
        client.resolve(token, min_validity=DAY)
        refreshed_at = world.standing(token).refreshed_at
        assert refreshed_at is not None
        world.clock.advance(refreshed_at + JUST_REFRESHED - world.rows.now() - 1)

        assert client.resolve(token, min_validity=DAY).generation == 2
        world.clock.advance(1)
        assert client.resolve(token, min_validity=DAY).generation == 3

    def test_a_connect_is_no_refresh(self, world: World, client: Client, token: str) -> None:
        client.connect("alice", world.coinbase.authorize("alice"))

        assert client.resolve(token, min_validity=DAY).generation == 3
        assert world.coinbase.counts["refreshes"] == 1

    def test_what_has_expired_is_refreshed_however_recent_it_is(self, world: World, client: Client) -> None:
        short = client.connect("alice", world.coinbase.authorize("alice", seconds=10)).token_id
        client.resolve(short)
        world.pass_time(11)

        assert world.coinbase.is_alive(client.resolve(short).credential)
        assert world.coinbase.counts["refreshes"] == 2

    def test_what_cannot_be_refreshed_is_served_while_it_is_alive(
        self, world: World, client: Client, session: str
    ) -> None:
        world.pass_time(3599)

        assert world.binance.is_alive(client.resolve(session, min_validity=DAY).credential)
