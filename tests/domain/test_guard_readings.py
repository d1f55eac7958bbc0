"""The guard's readings of the database, while the process itself opens a recovery."""

from collections.abc import Callable

from mmt_grpc.domain.ports.store import DatabaseAge
from mmt_grpc.domain.revival_guard import RevivalGuard
from tests.support.fakes_clock import ManualClock
from tests.support.fakes_failure import RecordingLog
from tests.support.fakes_store import FakeStore
from tests.support.fakes_world import World


class Ages:
    """What the database says of itself; `meanwhile` happens while an answer is on its way, once."""

    def __init__(self) -> None:
        self.recovery = 5
        self.meanwhile: Callable[[], None] | None = None

    def age(self) -> DatabaseAge:
        age = DatabaseAge(b"installation-000", 10, self.recovery)
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()
        return age


class Guarded:
    """A guard that is calm."""

    def __init__(self, store: FakeStore) -> None:
        self.ages, self.log, self.set_back = Ages(), RecordingLog(), list[str]()
        store.installations.age = self.ages.age  # type: ignore[method-assign]  # in place of the table
        self.guard = RevivalGuard(
            installations=store.installations,
            ledger=store.ledger,
            clock=ManualClock(),
            log=self.log,
            on_set_back=lambda: self.set_back.append("set back"),
        )
        self.guard.look()
        self.guard.settle(self.guard.signs)
        assert self.guard.calm


def test_a_reading_under_way_while_a_recovery_was_opened_here_is_no_older_database(world: World) -> None:
    guarded = Guarded(world.store)

    def open_recovery() -> None:
        guarded.ages.recovery = 6
        guarded.guard.has_opened(6)

    guarded.ages.meanwhile = open_recovery
    guarded.guard.look()
    guarded.guard.look()

    assert guarded.log.alarms == []
    assert guarded.set_back == []
    assert guarded.guard.calm
    assert not guarded.guard.is_held


def test_a_recovery_opened_here_hides_none_that_another_has_opened_since(world: World) -> None:
    guarded = Guarded(world.store)
    guarded.ages.recovery = 7
    guarded.guard.look()
    guarded.guard.settle(guarded.guard.signs)
    calm = guarded.guard.calm

    guarded.guard.has_opened(6)
    guarded.guard.look()

    assert guarded.guard.calm == calm


def test_a_recovery_opened_in_an_older_database_shows_that_it_is_older(world: World) -> None:
    """A failover took back what others had opened, and the number given here is one that was given before."""
    guarded = Guarded(world.store)
    guarded.ages.recovery = 4

    guarded.guard.has_opened(4)
    guarded.guard.look()

    assert guarded.log.alarms == ["database_is_older"]
    assert guarded.set_back == ["set back"]
