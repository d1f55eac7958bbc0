"""A call that waits for a refresh: how long, for what, and in whose place."""

import pytest

from mmt_grpc.domain.errors import (
    ProviderUnavailableError,
    TokenNotFoundError,
)
from mmt_grpc.domain.freshness import PATIENCE
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.verbs import MARGIN
from tests.support.fakes_world import Client, World


class TestWaiting:
    def test_a_slow_refresh_keeps_a_living_token_waiting_for_two_seconds_at_most(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.lanes.holds_back = True
        world.pass_time(3570)
        began = world.clock.elapsed()

        assert client.resolve(token).generation == 1

        assert PATIENCE <= world.clock.elapsed() - began < PATIENCE + MICROSECONDS // 2

    def test_a_refresh_that_ends_meanwhile_is_served(self, world: World, client: Client, token: str) -> None:
        world.life.lanes.holds_back = True
        world.clock.plan(3571 * MICROSECONDS, world.life.lanes.let_go)
        world.pass_time(3570)

        assert client.resolve(token).generation == 2

    def test_a_dead_token_waits_until_shortly_before_the_deadline(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.lanes.holds_back = True
        world.pass_time(3600)
        began = world.clock.elapsed()

        with pytest.raises(ProviderUnavailableError):
            client.resolve(token, patience=5 * MICROSECONDS)

        waited = world.clock.elapsed() - began
        assert 5 * MICROSECONDS - 2 * MARGIN < waited <= 5 * MICROSECONDS - MARGIN

    def test_a_deadline_shorter_than_the_patience_serves_what_is_alive_in_time(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.lanes.holds_back = True
        world.pass_time(3570)
        began = world.clock.elapsed()

        assert client.resolve(token, patience=MICROSECONDS).generation == 1
        assert world.clock.elapsed() - began <= MICROSECONDS - MARGIN

    def test_a_token_that_dies_while_it_is_waited_for_is_not_served(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.lanes.holds_back = True
        world.pass_time(3599)

        with pytest.raises(ProviderUnavailableError):
            client.resolve(token)

    def test_many_callers_of_one_expired_token_cause_one_refresh(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.lanes.holds_back = True
        world.pass_time(3600)
        answers: list[int] = []
        for second in range(50):
            world.clock.plan(second * 10_000, lambda: answers.append(client.resolve(token).generation))
        world.clock.plan(MICROSECONDS, world.life.lanes.let_go)

        answers.append(client.resolve(token).generation)

        assert set(answers) == {2}
        assert world.coinbase.counts["refreshes"] == 1

    def test_a_revoke_meanwhile_ends_the_wait(self, world: World, client: Client, token: str) -> None:
        world.life.lanes.holds_back = True
        world.clock.plan(3601 * MICROSECONDS, lambda: client.revoke(token))
        world.pass_time(3600)

        with pytest.raises(TokenNotFoundError):
            client.resolve(token)

    def test_a_connect_meanwhile_ends_the_wait(self, world: World, client: Client, token: str) -> None:
        world.life.lanes.holds_back = True
        code = world.coinbase.authorize("alice")
        world.clock.plan(3601 * MICROSECONDS, lambda: client.connect("alice", code))
        world.pass_time(3600)

        assert client.resolve(token).generation == 2

    def test_who_finds_no_place_to_wait_is_served_what_is_alive_and_else_told_at_once(
        self, world: World, token: str
    ) -> None:
        crowded = world.client(life=world.boot(b"crowded-replica-", waiting_places=0))
        world.pass_time(3570)
        assert crowded.resolve(token).generation == 1

        world.pass_time(30)
        began = world.clock.elapsed()
        with pytest.raises(ProviderUnavailableError):
            crowded.resolve(token)
        assert world.clock.elapsed() == began

    def test_a_place_is_given_back(self, world: World, client: Client, token: str) -> None:
        world.life = world.boot(waiting_places=1)
        for _ in range(5):
            world.pass_time(3600)
            client.resolve(token)

        assert world.coinbase.counts["refreshes"] == 5
