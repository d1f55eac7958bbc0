"""Revocations go on behind every call: one provider's slowness holds up no other's, and nothing is tried for ever."""

import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest

from mmt_grpc.crypto.keyring import Keyring
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Upstream
from mmt_grpc.exchange.breaker import IN_A_ROW
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.sending import is_destroyed
from mmt_grpc.exchange.upstream import LONGEST_PAUSE, UpstreamWork
from tests.exchange.pacing_world import DEAD
from tests.support.fakes_provider import FakeProvider
from tests.support.fakes_world import THIS, Client, World

PATIENCE = 60


class Stuck:
    """A provider whose revocations answer when they are let go."""

    def __init__(self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go = threading.Semaphore(0), threading.Event()
        self.count = 0

        def revoke(*_: object) -> Upstream:
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


def left_over(world: World, client: Client, *users: str, integration: str = "coinbase") -> None:
    """Leave revocations to the background, as a worker does whose exchanger is down between its two calls."""
    for user in users:
        grant = world.exchanges[integration].authorize(user)
        token = client.connect(user, grant, integration=integration).token_id
        row = world.standing(token)
        world.life.engine.upstream.hand_over(row)
        assert world.rows.delete(row) is not None


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
    monkeypatch.setattr(world.providers["coinbase"], "revoke", lambda *_: 1 // 0)

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


class TestWhatDoesNotOpen:
    def test_it_is_an_alarm_once_and_left_for_as_long_as_anything(self, world: World, client: Client) -> None:
        left_over(world, client, "alice")
        self._damage(world)
        work = world.life.engine.upstream

        for _ in range(12):
            work.sweep()
            world.clock.advance(LONGEST_PAUSE // 2 - MICROSECONDS)
            work.sweep()
            world.clock.advance(LONGEST_PAUSE // 2)

        assert world.log.alarms == ["revocation_unreadable"]
        assert world.spooled() == ["revocation"]
        (tries,) = work._tries.values()
        assert tries.failures <= 24

    def test_the_next_life_says_so_again(self, world: World, client: Client) -> None:
        left_over(world, client, "alice")
        self._damage(world)
        world.sweep()
        world.restart()

        world.sweep()
        world.sweep()

        assert world.log.alarms == ["revocation_unreadable"] * 2

    def test_what_needs_a_destroyed_epoch_is_dropped_and_said_to_be(
        self, world: World, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left_over(world, client, "alice")
        self._damage(world)
        work = world.life.engine.upstream
        monkeypatch.setattr(work.spool._sealing, "is_lost", lambda _: True)

        world.sweep()

        assert world.spooled() == []
        assert world.log.named("revocation_lost") == [{"kind": "revocation", "integration": None}]

    @pytest.mark.parametrize(
        ("newer", "has_own", "left"),
        [(1, False, []), (1, True, ["revocation"]), (-1, False, ["revocation"])],
        ids=["destroyed", "unreadable_now", "not_here_yet"],
    )
    def test_so_is_one_whose_row_needs_a_destroyed_epoch_but_none_that_may_come_back(
        self,
        world: World,
        client: Client,
        monkeypatch: pytest.MonkeyPatch,
        newer: int,
        left: list[str],
        *,
        has_own: bool,
    ) -> None:
        left_over(world, client, "alice")
        own = world.life.parts.access_keyring.current.number
        monkeypatch.setattr(Keyring, "require", _has_no_such_epoch)
        access = (own + newer, *([own] if has_own else []))
        object.__setattr__(world.life.engine.upstream.sending, "epochs", lambda: (access, (own,)))

        world.sweep()

        assert world.spooled() == left
        assert len(world.log.named("revocation_lost")) == (not left)

    @staticmethod
    def _damage(world: World) -> None:
        (path,) = (world.directory / THIS.decode() / "spool").glob("*.record")
        path.write_bytes(path.read_bytes()[:-1] + b"\0")


def _has_no_such_epoch(*_: object) -> NoReturn:
    raise StoreUnavailableError


@pytest.mark.parametrize(
    ("number", "loaded", "verdict"),
    [(1, (2, 3), True), (2, (1, 3), True), (2, (2, 3), False), (4, (2, 3), False), (1, (), False)],
)
def test_an_epoch_is_gone_only_below_a_newer_one(number: int, loaded: tuple[int, ...], *, verdict: bool) -> None:
    assert is_destroyed(number, loaded) is verdict
