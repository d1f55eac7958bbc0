"""A worker that asks its supervisor for the keyring takes no answer to an earlier question for one to this."""

from collections.abc import Callable
from typing import cast

import pytest

from mmt_grpc.app import worker
from mmt_grpc.app.line import Line
from mmt_grpc.app.worker import Worker
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.settings.slices import WorkerSlice
from mmt_grpc.telemetry.log import Log
from tests.crypto.material import access_keyring


class Supervisor:
    """The other end of the line: `asked` is what it does when it is asked."""

    def __init__(self) -> None:
        self.asked: Callable[[], None] = lambda: None

    def send(self, kind: str) -> None:
        assert kind == "keyring"
        self.asked()


def test_a_keyring_that_came_too_late_is_not_taken_for_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker would be one rotation behind for the rest of its life."""
    monkeypatch.setattr(worker, "KEYRING_PATIENCE", 0.0)
    supervisor = Supervisor()
    log = Log(sink=print, render=str, wall_clock=int)
    asking = Worker(cast("Line", supervisor), cast("WorkerSlice", None), NoFailpoints(), log)
    before, after = access_keyring(epochs=(1,), current=1), access_keyring(epochs=(1, 2), current=2)
    with pytest.raises(KeyringError):
        asking._ask_keyring()
    asking._keyrings.put(before.serialise())

    supervisor.asked = lambda: asking._keyrings.put(after.serialise())

    assert asking._ask_keyring().current == 2
