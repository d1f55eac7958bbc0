"""Operators see that a replica leases nothing, and why, whether or not anybody asks it for a refresh."""

import threading
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.ports.store import ReplicaBeat
from mmt_grpc.exchange.database_clock import Sighting
from mmt_grpc.telemetry.metrics import HELD_BACK_BY, ExchangeMetrics
from tests.support.fakes_wiring import Unwatched
from tests.support.fakes_world import THIS, World


class Shown:
    """What the metrics show."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ExchangeMetrics(registry=self.registry, integrations=())

    @property
    def held(self) -> list[str]:
        """The reasons that hold, of all that are shown."""
        values = {why: self.registry.get_sample_value("mmt_leases_held_back", {"why": why}) for why in HELD_BACK_BY}
        assert set(values.values()) <= {0.0, 1.0}
        return [why for why, value in values.items() if value]


class Once:
    """An event that lets one round pass, and then says that it is set."""

    def __init__(self) -> None:
        self._waits = iter((False,))

    def wait(self, _: float) -> bool:
        return next(self._waits, True)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """The metrics of a replica."""
    made = Shown()

    def held_back(_: Unwatched, why: str, *, is_held: bool) -> None:
        made.metrics.leases_held_back(why, is_held=is_held)

    monkeypatch.setattr(Unwatched, "leases_held_back", held_back)
    return made


def beat(world: World) -> None:
    """Let one round of the heartbeat pass."""
    heartbeat = world.life.engine.heartbeat
    heartbeat._ended = cast("threading.Event", Once())
    heartbeat.run()


def test_nothing_holds_a_healthy_replica_back(world: World, expired: str, shown: Shown) -> None:
    beat(world)
    assert world.refresh(expired).progress is Progress.STARTED

    assert shown.held == []


def test_a_disk_that_failed_shows_without_a_call_until_it_works(world: World, shown: Shown) -> None:
    disk = world.life.engine.settling.disk
    disk.failed()
    beat(world)
    assert shown.held == ["disk"]

    disk.mended()
    beat(world)
    assert shown.held == []


def test_a_database_clock_that_jumped_and_the_recovery_it_opens_show(world: World, shown: Shown) -> None:
    clock = world.life.engine.heartbeat.database_clock
    now = world.clock.elapsed()
    clock.observe(Sighting(now=now + 3_600_000_000, others={}, elapsed=(now, now), wall=(now, now)))

    beat(world)

    assert shown.held == ["clock", "recovery"]


def test_a_recovery_shows_to_whom_is_refused_a_refresh_until_it_is_settled(
    world: World, expired: str, shown: Shown
) -> None:
    world.life.parts.losses.happened()
    assert world.refresh(expired).progress is Progress.BACKING_OFF
    assert shown.held == ["recovery"]

    world.life.beat()
    assert world.refresh(expired).progress is Progress.STARTED
    assert shown.held == []


def test_an_id_that_another_process_took_shows_though_the_heartbeat_ends(world: World, shown: Shown) -> None:
    world.store.replicas.beat(ReplicaBeat(THIS, b"another life 000", (1,), (1,), 0, None))

    beat(world)

    assert shown.held == ["presence"]
