"""A Revoke looks after other tokens of the same account, whose chains the exchange may have ended with it."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import Scope, Upstream
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import INVALID_CLIENT, OUTAGE, REFUSED, Fault
from tests.support.fakes_world import Client, World


class TestRelatives:
    def test_others_of_the_same_account_that_it_ended_are_noticed_at_once(
        self, world: World, client: Client, token: str
    ) -> None:
        relative = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
        world.coinbase.meanwhile("revoke", lambda: world.coinbase.withdraw("alice"))

        client.revoke(token)

        assert world.standing(relative.token_id).state is TokenState.REAUTHENTICATION

    def test_others_that_live_on_are_left_alone(self, world: World, client: Client, token: str) -> None:
        relative = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

        client.revoke(token)

        assert world.standing(relative.token_id).state is TokenState.ACTIVE
        assert world.coinbase.counts["refreshes"] == 0

    def test_others_that_cannot_be_refreshed_are_not_asked_about(self, world: World, client: Client) -> None:
        login = world.binance.add_user("alice")
        ids = [
            world.client(name).connect("alice", login, integration="binance").token_id
            for name in ("client-1", "client-2")
        ]
        asked: list[str] = []
        world.binance.meanwhile("probe", lambda: asked.append("probe"))

        client.revoke(ids[0])

        assert asked == []
        assert world.standing(ids[1], "client-2").state is TokenState.ACTIVE

    def test_what_is_wrong_with_one_keeps_nobody_from_looking_at_the_next(
        self, world: World, client: Client, token: str
    ) -> None:
        others = [
            world.client(f"client-{number}").connect("alice", world.coinbase.authorize("alice")).token_id
            for number in (2, 3, 4)
        ]
        unreadable = world.standing(others[0], "client-2")
        world.rows.rows[unreadable.shard, unreadable.binding.token_key] = replace(
            unreadable, sealed=replace(unreadable.sealed, access_blob=bytes(80))
        )
        world.coinbase.strike("probe", OUTAGE)
        world.coinbase.meanwhile("revoke", lambda: world.coinbase.withdraw("alice"))

        client.revoke(token)

        assert world.standing(others[2], "client-4").state is TokenState.REAUTHENTICATION
        assert world.standing(others[1], "client-3").state is TokenState.ACTIVE
        assert len(world.log.named("relative_not_probed")) == 2

    @pytest.mark.parametrize("fault", [REFUSED, INVALID_CLIENT])
    def test_looking_after_them_never_fails_the_revoke(
        self, world: World, client: Client, token: str, fault: Fault
    ) -> None:
        client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
        world.coinbase.strike("probe", fault)

        assert client.revoke(token).upstream is Upstream.REVOKED

    def test_a_store_that_is_away_meanwhile_is_a_warning(self, world: World, client: Client, token: str) -> None:
        world.weather.refuse("read_account")

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert len(world.log.named("relatives_not_probed")) == 1
