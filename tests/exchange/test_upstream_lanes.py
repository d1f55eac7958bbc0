"""Revocations go on behind every call: one provider's slowness, death or bug holds up no other's."""

import threading
from collections.abc import Iterator

import pytest

from mmt_grpc.domain.model import Upstream
from mmt_grpc.exchange.breaker import IN_A_ROW
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.upstream import UpstreamWork
from tests.exchange.left_revocations import left_over
from tests.exchange.pacing_world import DEAD
from tests.support.fakes_provider import FakeProvider
from tests.support.fakes_world import Client, World

PATIENCE = 60


class Stuck:
    """A provider whose revocations answer when they are let go."""

    def __init__(self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go = threading.Semaphore(0), threading.Event()
        self.count = 0

        def revoke(*_: object, **__: object) -> Upstream:
            self.count += 1
            self.asked.release()
            assert self.go.wait(PATIENCE)
            return Upstream.ACCEPTED

        monkeypatch.setattr(provider, "revoke", revoke)


@pytest.fixture
def work(world: World) -> Iterator[UpstreamWork]:
    """What revokes upstream, on one real thread a provider and a short queue."""
    made = world.life.engine.upstream
    made.lanes = Lanes(threads=1, longest_queue=2)
    yield made
    made.lanes.close()


def test_a_slow_provider_holds_up_no_other(
    world: World, client: Client, work: UpstreamWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Stuck(world.providers["coinbase"], monkeypatch)
    left_over(world, client, "alice", "bob")
    left_over(world, client, "carol", integration="uphold")

    work.sweep()
    assert slow.asked.acquire(timeout=PATIENCE)
    while world.exchanges["uphold"].living:
        threading.Event().wait(0.005)

    assert world.coinbase.living == 2
    slow.go.set()
    work.lanes.close()
    assert world.spooled() == []


def test_a_record_under_way_is_not_tried_beside_itself(
    world: World, client: Client, work: UpstreamWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Stuck(world.providers["coinbase"], monkeypatch)
    left_over(world, client, "alice")
    (key,) = [entry.key for entry in work.spool.entries()]
    work.sweep()
    assert slow.asked.acquire(timeout=PATIENCE)

    work.sweep()
    assert work.complete(0, key) is Upstream.FAILED
    slow.go.set()
    work.lanes.close()

    assert slow.count == 1


def test_what_finds_no_room_stays_due(
    world: World, client: Client, work: UpstreamWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Stuck(world.providers["coinbase"], monkeypatch)
    left_over(world, client, "alice", "bob", "carol")
    assert not work.sweep()
    slow.go.set()
    while not work.sweep() or world.spooled():
        threading.Event().wait(0.005)

    assert slow.count == 3


def test_the_end_leaves_what_is_queued_on_disk_for_the_next_life(
    world: World, client: Client, work: UpstreamWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Stuck(world.providers["coinbase"], monkeypatch)
    left_over(world, client, "alice", "bob")
    work.sweep()
    assert slow.asked.acquire(timeout=PATIENCE)

    work.stopping.set()
    slow.go.set()
    work.close()

    assert (slow.count, world.spooled()) == (1, ["revocation"])
    monkeypatch.undo()
    world.restart()
    world.sweep()
    world.sweep()
    assert world.spooled() == []


def test_a_bug_with_one_record_is_an_alarm_and_holds_up_no_other(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_over(world, client, "alice")
    left_over(world, client, "carol", integration="uphold")
    monkeypatch.setattr(world.providers["coinbase"], "revoke", lambda *_, **__: 1 // 0)

    world.sweep()

    assert world.log.alarms == ["revocation_failed"]
    assert world.spooled() == ["revocation"]
    assert world.exchanges["uphold"].living == 0


class TestADeadProvider:
    def test_it_is_not_asked_while_its_breaker_is_open_and_asked_at_once_when_it_closes(
        self, world: World, client: Client
    ) -> None:
        pacing = world.life.engine.upstream.pacing
        left_over(world, client, "alice")
        for _ in range(IN_A_ROW):
            with pacing.admit("coinbase", demand=True) as admission:  # type: ignore[union-attr]  # none is refused yet
                admission.learn(DEAD)
        assert pacing.probe_wait("coinbase") > 0

        world.life.engine.upstream.sweep()
        assert world.coinbase.counts["revocations"] == 0

        world.clock.advance(pacing.probe_wait("coinbase"))
        world.life.engine.upstream.sweep()
        assert world.spooled() == []

    def test_a_revoke_is_told_at_once_that_it_failed_and_goes_on_behind(self, world: World, client: Client) -> None:
        pacing = world.life.engine.upstream.pacing
        token = client.connect("alice", world.coinbase.authorize("alice")).token_id
        for _ in range(IN_A_ROW):
            with pacing.admit("coinbase", demand=True) as admission:  # type: ignore[union-attr]  # none is refused yet
                admission.learn(DEAD)

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.coinbase.counts["revocations"] == 0

        world.sweep()
        world.sweep()
        assert world.coinbase.living == 0
