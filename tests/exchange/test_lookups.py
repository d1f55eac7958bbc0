"""A provider whose probes or look-ups fail is left alone by them too, and never takes more than its places."""

import threading

import pytest

from mmt_grpc.domain.errors import GrantRejectedError, ProviderUnavailableError, ReauthenticationRequiredError
from mmt_grpc.domain.model import MICROSECONDS, Liveness, Scope, Upstream
from mmt_grpc.exchange.breaker import FIRST_PAUSE, IN_A_ROW
from mmt_grpc.exchange.lookups import LOOKUP_PLACES
from tests.support.fakes_exchange import FakeExchange
from tests.support.fakes_exchange_faults import OUTAGE, REFUSED
from tests.support.fakes_world import Client, World

PATIENCE = 60
MANY = 1000


def session(world: World, client: Client) -> str:
    login = world.binance.add_user("alice")
    return client.connect("alice", login, integration="binance").token_id


def rejected(client: Client, token: str) -> None:
    client.resolve(token, rejected=1)


class TestProbes:
    def test_a_dead_provider_is_asked_a_few_times_and_then_left_alone(self, world: World, client: Client) -> None:
        token = session(world, client)
        world.binance.strike("probe", OUTAGE, times=MANY)
        for _ in range(20):
            with pytest.raises(ProviderUnavailableError):
                rejected(client, token)
        with pytest.raises(ProviderUnavailableError) as refusal:
            rejected(client, token)

        assert left(world.binance, "probe") == MANY - IN_A_ROW
        assert 0 < refusal.value.retry_after <= FIRST_PAUSE / MICROSECONDS

    def test_it_is_asked_again_when_the_pause_is_over(self, world: World, client: Client) -> None:
        token = session(world, client)
        world.binance.strike("probe", OUTAGE, times=IN_A_ROW)
        for _ in range(IN_A_ROW):
            with pytest.raises(ProviderUnavailableError):
                rejected(client, token)
        world.clock.advance(FIRST_PAUSE)

        rejected(client, token)

    def test_dead_tokens_are_answers(self, world: World, client: Client) -> None:
        token = session(world, client)
        world.binance.withdraw("alice")
        for _ in range(4 * IN_A_ROW):
            with pytest.raises(ReauthenticationRequiredError):
                rejected(client, token)

    def test_a_slow_provider_takes_only_its_places(
        self, world: World, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = session(world, client)
        row = world.standing(token)
        engine, go, asked = world.life.engine, threading.Event(), threading.Semaphore(0)

        def slow(_: object) -> Liveness:
            asked.release()
            assert go.wait(PATIENCE)
            return Liveness.ALIVE

        def probe() -> Liveness:
            return engine.probing.probe(shard=row.shard, token_key=row.binding.token_key, generation=1)

        monkeypatch.setattr(world.providers["binance"], "probe", slow)
        threads = [threading.Thread(target=probe) for _ in range(LOOKUP_PLACES)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert asked.acquire(timeout=PATIENCE)

        with pytest.raises(ProviderUnavailableError):
            probe()
        go.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert probe() is Liveness.ALIVE


class TestConnects:
    def test_no_code_is_spent_while_its_account_could_not_be_looked_up(self, world: World, client: Client) -> None:
        lookups_fail(world, client)
        code = world.coinbase.authorize("alice")

        with pytest.raises(ProviderUnavailableError) as refusal:
            client.connect("alice", code)

        assert refusal.value.retry_after > 0
        assert world.coinbase.counts["exchanges"] == 0
        world.clock.advance(FIRST_PAUSE)
        assert client.connect("alice", code).token_id

    def test_a_dead_provider_is_not_asked_about_ready_tokens_either(self, world: World, client: Client) -> None:
        lookups_fail(world, client)
        world.coinbase.strike("account", OUTAGE)

        with pytest.raises(ProviderUnavailableError):
            client.connect("alice", world.coinbase.ready("alice"))

        assert left(world.coinbase, "account") == 1

    def test_tokens_that_are_refused_are_answers(self, world: World, client: Client) -> None:
        world.coinbase.strike("account", REFUSED, times=4 * IN_A_ROW)
        for number in range(4 * IN_A_ROW):
            with pytest.raises(GrantRejectedError):
                client.connect(f"user-{number}", world.coinbase.ready("alice"))

        assert client.connect("alice", world.coinbase.ready("alice")).token_id


class TestRelatives:
    def test_those_of_a_provider_that_fails_are_not_looked_at_one_by_one(self, world: World) -> None:
        tokens = [
            world.client(f"client-{number}").connect("alice", world.coinbase.authorize("alice")).token_id
            for number in range(IN_A_ROW + 4)
        ]
        world.coinbase.strike("probe", OUTAGE, times=MANY)

        world.client("client-0").revoke(tokens[0])

        assert left(world.coinbase, "probe") == MANY - IN_A_ROW

    def test_the_end_does_not_wait_for_them(self, world: World, client: Client) -> None:
        token = client.connect("alice", world.coinbase.authorize("alice")).token_id
        client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)
        world.coinbase.strike("probe", OUTAGE)
        world.failpoints.at("revoke.after_upstream", world.life.parts.stopping.set)

        assert client.revoke(token).upstream is Upstream.REVOKED

        assert left(world.coinbase, "probe") == 1


def lookups_fail(world: World, client: Client) -> None:
    """Have so many look-ups of accounts fail that the provider is left alone."""
    world.coinbase.strike("account", OUTAGE, times=IN_A_ROW)
    for number in range(IN_A_ROW):
        with pytest.raises(ProviderUnavailableError):
            client.connect(f"user-{number}", world.coinbase.ready("bob"))


def left(exchange: FakeExchange, operation: str) -> int:
    """Return how many of the faults ordered nobody has met yet."""
    return len(exchange._faults[operation])
