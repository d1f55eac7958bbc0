"""A revocation that does not open is an alarm, kept while its key may come back, and dropped when it cannot."""

from typing import NoReturn

import pytest

from mmt_grpc.crypto.keyring import Keyring
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.exchange.sending import is_destroyed
from mmt_grpc.exchange.upstream import LONGEST_PAUSE
from tests.exchange.left_revocations import left_over
from tests.support.fakes_world import THIS, Client, World


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
