"""The line between the supervisor and a child: whole messages, or an end that is told apart from a standstill."""

import struct

import pytest

from mmt_grpc.app import line as lines
from mmt_grpc.app.line import Line, LineClosedError, LineStalledError


def test_what_is_sent_arrives_whole() -> None:
    ours, theirs = Line.pair()
    child = Line(theirs)
    ours.send("start", number=7, text="ü" * 1000)
    assert child.receive() == {"type": "start", "number": 7, "text": "ü" * 1000}
    ours.close()
    child.close()


def test_the_end_of_a_child_is_no_standstill() -> None:
    ours, theirs = Line.pair()
    theirs.close()
    with pytest.raises(LineClosedError) as caught:
        ours.receive()
    assert not isinstance(caught.value, LineStalledError)
    ours.close()


def test_a_child_that_stalls_within_a_message_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0.05)
    ours, theirs = Line.pair()
    theirs.sendall(struct.pack(">I", 100) + b'{"type"')
    with pytest.raises(LineStalledError):
        ours.receive()
    ours.close()
    theirs.close()


def test_a_child_that_reads_nothing_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0.05)
    ours, theirs = Line.pair()
    with pytest.raises(LineStalledError):
        ours.send("start", text="x" * 8_000_000)
    ours.close()
    theirs.close()
