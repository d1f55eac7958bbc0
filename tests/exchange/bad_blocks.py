"""A disk that does not give back what was written, and replicas that die with an answer on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes_failure import CrashError
from tests.support.fakes_world import THIS, Client, Life, World


class BadBlocks:
    """Files that cannot be read, by the error that they answer."""

    def __init__(self) -> None:
        self.files: dict[Path, int] = {}

    def patched(self, read: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
        def read_bytes(path: Path) -> bytes:
            if path in self.files:
                raise OSError(self.files[path], "refused")
            return read(path)

        return read_bytes


def uncommitted(world: World, client: Client, user: str) -> str:
    """Make a token whose replica dies with a refresh's answer on its disk."""
    token = client.connect(user, world.coinbase.authorize(user)).token_id
    world.pass_time(3600)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(CrashError):
        world.refresh(token)
    return token


def record(world: World) -> Path:
    (path,) = (world.directory / THIS.decode() / "spool").glob("attempt-*.record")
    return path


def live(world: World, seconds: int, *lives: Life) -> None:
    """Let time pass, with the replicas' heartbeats in it."""
    for _ in range(seconds // 10):
        world.pass_time(10)
        for life in (world.life, *lives):
            life.beat()
