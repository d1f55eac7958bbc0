"""Rolling restarts in short: all verbs are called while every process is replaced, and no call fails.

`make campaign-rolls` does it two hundred times.
"""

from __future__ import annotations

import grpc
import pytest

from tests.campaign.roll_callers import CUT_SHORT, Tally, is_never_taken
from tests.campaign.rolls import Findings, report, roll, running, say
from tests.support.clients import Refused

pytestmark = pytest.mark.timeout(300)
VERBS = ("Connect", "Resolve", "refresh", "Revoke", "CheckScope")


def test_no_call_fails_while_every_process_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    with running("sqlite", connection_age=2) as service:
        findings = roll(service, 3)
    with capsys.disabled():
        say(report(findings))
    assert not findings.complaints()


def findings(*, never_taken: int = 0, failed: int = 0) -> Findings:
    tally = Tally(failed=["Resolve: INTERNAL"] * failed)
    tally.answered.update(dict.fromkeys(VERBS, 40))
    tally.never_taken.update(Resolve=never_taken)
    return Findings(3, tally)


@pytest.mark.parametrize(("never_taken", "failed", "complaints"), [(2, 0, 0), (3, 0, 1), (0, 1, 1), (3, 2, 3)])
def test_a_failed_call_and_too_many_that_nobody_took_are_complained_of(
    never_taken: int, failed: int, complaints: int
) -> None:
    assert len(findings(never_taken=never_taken, failed=failed).complaints()) == complaints


def test_a_verb_that_was_never_answered_is_complained_of() -> None:
    found = findings()
    del found.tally.answered["Revoke"]
    assert found.complaints() == ["never answered: Revoke"]


class Ended(grpc.RpcError):
    """A call as it ended."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        self._code = code
        self._sentence = sentence

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._sentence

    def trailing_metadata(self) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    ("code", "sentence", "seconds", "expected"),
    [
        (grpc.StatusCode.CANCELLED, "CANCELLED", 0.1, True),
        (grpc.StatusCode.UNAVAILABLE, "Cancelling all calls", 0.1, True),
        (grpc.StatusCode.UNAVAILABLE, "Cancelling all calls", CUT_SHORT + 1, False),
        (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: reset", 0.1, True),
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", 0.1, False),
        (grpc.StatusCode.INTERNAL, "The server failed to answer.", 0.1, False),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", 0.1, False),
    ],
)
def test_only_what_the_core_ends_unbegun_counts_as_never_taken(
    code: grpc.StatusCode, sentence: str, seconds: float, *, expected: bool
) -> None:
    assert is_never_taken(Refused(Ended(code, sentence)), seconds) is expected
