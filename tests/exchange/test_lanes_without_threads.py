"""Lanes while the system has no thread to give: what could not be started may be started later, and runs once."""

import threading

import pytest

from mmt_grpc.exchange.lanes import Lanes

LONG = 60
"""Seconds that no test waits for unless it fails."""


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_what_no_thread_could_be_had_for_is_not_taken_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery waits until nothing runs, and a row whose work runs is not refreshed."""
    lanes = Lanes()
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="thread"):
            lanes.start("coinbase", b"1", lambda: None)

    assert lanes.count() == 0
    assert not lanes.is_running(b"1")


def test_it_runs_once_though_it_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The executor keeps what it had no thread for, and gives it to the next one that it has."""
    lanes, ran = Lanes(), list[str]()
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="thread"):
            lanes.start("coinbase", b"1", lambda: ran.append("at first"))

    assert lanes.start("coinbase", b"1", lambda: ran.append("again"))
    assert lanes.is_idle(LONG)
    lanes.close()

    assert ran == ["again"]
