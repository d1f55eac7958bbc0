"""A credential that the exchange refused: refreshed, or asked about, never served again blindly."""

import pytest

from mmt_grpc.domain.errors import (
    ProviderRateLimitedError,
    ProviderUnavailableError,
    ReauthenticationRequiredError,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import Cause
from tests.support.fakes_exchange_faults import NOT_SENT, limited
from tests.support.fakes_world import Client, World

DAY = 24 * 3600.0


class TestRejectedGeneration:
    def test_refreshes_at_once_whatever_is_left(self, client: Client, token: str) -> None:
        assert client.resolve(token, rejected=1).generation == 2

    def test_overrides_the_half_minute_once_per_generation(self, world: World, client: Client, token: str) -> None:
        client.resolve(token, min_validity=DAY)

        assert client.resolve(token, rejected=2).generation == 3
        assert client.resolve(token, rejected=2).generation == 3
        assert world.coinbase.counts["refreshes"] == 2

    def test_takes_a_newer_one_that_is_there_already(self, world: World, client: Client, token: str) -> None:
        client.connect("alice", world.coinbase.authorize("alice"))

        assert client.resolve(token, rejected=1).generation == 2
        assert world.coinbase.counts["refreshes"] == 0

    def test_is_never_served_again_where_it_cannot_be_refreshed_now(
        self, world: World, client: Client, token: str
    ) -> None:
        world.coinbase.strike("connect", NOT_SENT)

        with pytest.raises(ProviderUnavailableError):
            client.resolve(token, rejected=1)

    def test_that_the_exchange_calls_alive_is_served(self, client: Client, session: str) -> None:
        assert client.resolve(session, rejected=1).generation == 1

    @pytest.mark.parametrize("probes", [True, False], ids=["by the exchange's word", "by the caller's"])
    def test_that_is_dead_wants_the_user_back_and_writes_nothing(
        self, world: World, client: Client, session: str, *, probes: bool
    ) -> None:
        world.binance.probes = probes
        if probes:
            world.binance.withdraw("alice")
        before = world.standing(session)

        with pytest.raises(ReauthenticationRequiredError) as refusal:
            client.resolve(session, rejected=1)

        assert refusal.value.cause is Cause.PROVIDER_REVOKED
        assert world.standing(session) == before
        assert client.resolve(session).generation == 1

    def test_that_nobody_can_be_asked_about_now_is_neither_dead_nor_alive(
        self, world: World, client: Client, session: str
    ) -> None:
        world.binance.strike("probe", limited(4))

        with pytest.raises(ProviderRateLimitedError) as refusal:
            client.resolve(session, rejected=1)
        assert refusal.value.retry_after == 4

    def test_that_a_connect_replaces_during_the_probe_is_not_handed_out(
        self, world: World, client: Client, session: str
    ) -> None:
        login = world.binance.add_user("alice")
        world.binance.meanwhile("probe", lambda: client.connect("alice", login, integration="binance"))

        resolved = client.resolve(session, rejected=1)

        assert resolved.generation == 2
        assert world.binance.is_alive(resolved.credential)

    def test_that_a_revoke_ends_during_the_probe_is_not_handed_out(
        self, world: World, client: Client, session: str
    ) -> None:
        world.binance.meanwhile("probe", lambda: client.revoke(session))

        with pytest.raises(TokenNotFoundError):
            client.resolve(session, rejected=1)

    def test_that_has_expired_is_not_probed(self, world: World, client: Client, session: str) -> None:
        world.pass_time(3600)

        with pytest.raises(ReauthenticationRequiredError) as refusal:
            client.resolve(session, rejected=1)
        assert refusal.value.cause is Cause.EXPIRED
        assert "probe" not in world.life.line.calls
