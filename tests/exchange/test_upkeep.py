"""A replica's background: it beats whatever else takes long, looks at once when the database was away, and purges."""

import threading
from collections.abc import Callable

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange import heartbeat, upkeep
from mmt_grpc.exchange.settling import Settling
from tests.support.fakes_exchange_faults import REFUSED
from tests.support.fakes_world import Client, World

LONG = 60
"""Seconds that no test waits for unless it fails."""
DAY = 86_400


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens every few seconds happens every few milliseconds."""
    monkeypatch.setattr(heartbeat, "SECONDS", 0.005)
    monkeypatch.setattr(upkeep, "SECONDS", 0.005)


def counting(action: Callable[..., object], enough: int) -> tuple[Callable[..., object], threading.Event]:
    """Return `action` as it is, and what is set once it has been done so often."""
    reached, calls = threading.Event(), list[None]()

    def counted(*arguments: object, **named: object) -> object:
        done = action(*arguments, **named)
        calls.append(None)
        if len(calls) >= enough:
            reached.set()
        return done

    return counted, reached


class TestBeat:
    @pytest.mark.usefixtures("hurried")
    def test_it_goes_on_while_something_is_settled(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        engine, begun, go = world.life.engine, threading.Event(), threading.Event()
        engine.start()

        def settle(_: Settling, *, every: bool) -> bool:
            begun.set()
            return go.wait(LONG) and not every

        monkeypatch.setattr(Settling, "settle_attempts", settle)
        assert begun.wait(LONG)
        beat, has_beaten = counting(world.store.replicas.beat, 3)
        monkeypatch.setattr(world.store.replicas, "beat", beat)

        assert has_beaten.wait(LONG)
        go.set()
        engine.stop()

    @pytest.mark.usefixtures("hurried")
    def test_a_start_that_takes_long_is_no_absence(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = world.life.engine
        beat, has_beaten = counting(world.store.replicas.beat, 4)
        monkeypatch.setattr(world.store.replicas, "beat", beat)
        waited = list[bool]()
        monkeypatch.setattr(Settling, "settle_connects", lambda _: waited.append(has_beaten.wait(LONG)))

        engine.start()
        engine.stop()

        assert waited == [True]

    def test_a_start_that_fails_leaves_no_beat_behind(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: Settling) -> None:
            raise StoreUnavailableError

        engine = world.life.engine
        monkeypatch.setattr(Settling, "settle_connects", fail)

        with pytest.raises(StoreUnavailableError):
            engine.start()

        assert "heartbeat" not in {thread.name for thread in threading.enumerate()}

    def test_both_end_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(heartbeat, "SECONDS", 1e6)
        monkeypatch.setattr(upkeep, "SECONDS", 1e6)
        engine = world.life.engine
        engine.start()

        ending = threading.Thread(target=engine.stop)
        ending.start()
        ending.join(LONG)

        assert not ending.is_alive()
        assert {thread.name for thread in threading.enumerate()}.isdisjoint({"heartbeat", "upkeep"})


class TestRounds:
    def test_a_lost_connection_is_looked_after_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upkeep, "SECONDS", 1e6)
        engine = world.life.engine
        settle, has_settled = counting(world.store.recoveries.settle, 1)
        engine.start()
        monkeypatch.setattr(world.store.recoveries, "settle", settle)

        engine.recovery.notice()

        assert has_settled.wait(LONG)
        engine.stop()

    def test_a_recovery_of_others_is_settled_in_the_next_round(self, world: World) -> None:
        world.store.recoveries.open(0)

        world.life.engine.upkeep._round(1, is_woken=False)

        assert world.store.replicas.settled_by(world.life.parts.owner) == 1

    @pytest.mark.usefixtures("hurried")
    def test_an_outage_is_told_once_and_outlived(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = world.life.engine
        works, has_failed, is_over = world.store.recoveries.current, threading.Event(), threading.Event()
        failures = list[None]()

        def current() -> int:
            if is_over.is_set():
                return works()
            failures.append(None)
            if len(failures) > 3:
                has_failed.set()
            raise StoreUnavailableError

        engine.start()
        monkeypatch.setattr(world.store.recoveries, "current", current)
        assert has_failed.wait(LONG)
        settle, has_settled = counting(world.store.recoveries.settle, 1)
        monkeypatch.setattr(world.store.recoveries, "settle", settle)
        engine.recovery.notice()
        is_over.set()

        assert has_settled.wait(LONG)
        engine.stop()
        assert len(world.log.named("upkeep_failed")) == 1

    def test_nothing_is_done_in_another_installations_database(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(world.store.installations, "age", lambda: None)
        world.life.engine.recovery.notice()

        with pytest.raises(StoreUnavailableError):
            world.life.engine.upkeep._round(1, is_woken=True)

        assert world.store.installations.recovery == 0


class TestPurge:
    def condemned(self, world: World, client: Client, user: str) -> str:
        token = client.new_token(user)
        world.pass_time(3600)
        world.coinbase.strike("refresh", REFUSED)
        world.refresh(token)
        assert world.standing(token).state is TokenState.REAUTHENTICATION
        return token

    def test_refresh_tokens_are_kept_for_a_week_after_they_were_condemned(self, world: World, client: Client) -> None:
        old = self.condemned(world, client, "alice")
        world.pass_time(DAY)
        young = self.condemned(world, client, "bob")
        world.pass_time(6 * DAY)
        alive = client.new_token("carol")

        world.life.engine.upkeep._round(upkeep.FIRST_PURGE, is_woken=False)

        assert world.standing(old).sealed.renewal_blob is None
        assert world.standing(young).sealed.renewal_blob is not None
        assert world.standing(alive).sealed.renewal_blob is not None

    def test_they_are_erased_in_batches_until_none_is_left(
        self, world: World, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upkeep, "BATCH", 2)
        tokens = [self.condemned(world, client, f"user-{number}") for number in range(5)]
        world.pass_time(8 * DAY)

        world.life.engine.upkeep.purge()

        assert [world.standing(token).sealed.renewal_blob for token in tokens] == [None] * 5
