"""How an exchanger ends: whatever goes wrong while it serves, what it has sent to an exchange comes to its end."""

import threading
from collections.abc import Callable
from typing import cast

import pytest

from mmt_grpc.app.ending import Ending
from mmt_grpc.app.exchanger import serve
from mmt_grpc.app.line import Line, LineClosedError
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.transport.internal.server import ExchangerServer


class Stage:
    """A line, an engine and a server, which note what they are told to do; `fails` at one of it."""

    def __init__(self, fails: str | None = None) -> None:
        self.fails = fails
        self.done: list[str] = []
        self.ending = Ending()
        self.drained = True

    def note(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails:
            raise LineClosedError

    def serve(self) -> bool:
        parts = cast("Line", _Line(self)), cast("ExchangeEngine", _Engine(self)), cast("ExchangerServer", _Server(self))
        return serve(*parts, self.ending, grace=1.0)


class _Line:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def send(self, kind: str) -> None:
        self.stage.note(kind)
        self.stage.ending.ask()


class _Engine:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def wait_for_revokes(self, *, is_stopping: Callable[[], bool]) -> None:
        assert not is_stopping()
        self.stage.note("wait")

    def stop(self) -> bool:
        self.stage.note("end engine")
        return self.stage.drained


class _Server:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def start(self) -> None:
        self.stage.note("serve")

    def stop(self, grace: float) -> None:
        assert grace == 1.0
        self.stage.note("end server")


@pytest.mark.parametrize("drained", [True, False])
def test_it_ends_its_calls_and_then_its_engine_and_says_what_came_of_it(*, drained: bool) -> None:
    stage = Stage()
    stage.drained = drained

    assert stage.serve() is drained

    assert stage.done == ["serve", "wait", "ready", "end server", "end engine"]


@pytest.mark.parametrize("fails", ["serve", "wait", "ready"])
def test_whatever_fails_the_engine_is_ended(fails: str) -> None:
    stage = Stage(fails)

    with pytest.raises(LineClosedError):
        stage.serve()

    assert stage.done[-1] == "end engine"
    assert fails == "serve" or "end server" in stage.done


def test_one_that_was_told_to_end_before_it_served_does_not_begin_to() -> None:
    stage = Stage()
    stage.ending.ask()

    assert stage.serve()

    assert stage.done == ["end engine"]


class TestOrder:
    def test_a_start_hears_it(self) -> None:
        ending, stopping = Ending(), threading.Event()

        with ending.heard_by(stopping):
            assert not stopping.is_set()
            ending.ask()
            assert stopping.is_set()

    def test_a_start_that_begins_after_it_hears_it(self) -> None:
        ending, stopping = Ending(), threading.Event()
        ending.ask()

        with ending.heard_by(stopping):
            assert stopping.is_set()

    def test_who_serves_goes_on_until_its_calls_are_answered(self) -> None:
        ending, stopping = Ending(), threading.Event()
        with ending.heard_by(stopping):
            pass

        ending.ask()

        assert ending.asked.is_set()
        assert not stopping.is_set()
