"""Two clones of one state directory that look at the registry in the same moment: one of them alone takes the id."""

import threading

import pytest

from mmt_grpc.domain.ports.store import ReplicaBeat
from mmt_grpc.exchange.presence import IdTakenError, Presence
from tests.support.fakes_failure import RecordingLog
from tests.support.fakes_world import THIS, World

FIRST, SECOND = b"the first clone ", b"the second clone"


def beat(life: bytes) -> ReplicaBeat:
    return ReplicaBeat(THIS, life, (1,), (1,), 0, None)


class Clones:
    """Two, of which the second beats between the first one's look and its beat."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told = list[bytes]()
        self.first, self.second = (self._presence(world, life) for life in (FIRST, SECOND))
        registered = world.store.replicas.list

        def meanwhile() -> object:
            found = registered()
            monkeypatch.setattr(world.store.replicas, "list", registered)
            self.second.beat(beat(SECOND))
            return found

        monkeypatch.setattr(world.store.replicas, "list", meanwhile)

    def _presence(self, world: World, life: bytes) -> Presence:
        return Presence(
            owner=THIS,
            life=life,
            replicas=world.store.replicas,
            is_over=lambda _: False,
            on_taken=lambda: self.told.append(life),
            now=world.rows.now,
            clock=world.clock,
            stopping=threading.Event(),
            log=RecordingLog(),
        )


def test_of_two_that_find_a_life_that_is_over_the_later_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pass_time(3600)
    clones = Clones(world, monkeypatch)

    with pytest.raises(IdTakenError):
        clones.first.beat(beat(FIRST))

    assert (clones.first.is_ours, clones.second.is_ours) == (False, True)
    assert clones.told == [FIRST]


def test_of_two_that_find_nobody_the_later_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store.replicas.forget(THIS)
    clones = Clones(world, monkeypatch)

    with pytest.raises(IdTakenError):
        clones.first.beat(beat(FIRST))

    assert (clones.first.is_ours, clones.second.is_ours) == (False, True)
