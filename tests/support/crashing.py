"""Installations in which one process is killed while a call is at a named point."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import grpc

from tests.support.clients import Refused
from tests.support.dev import RunningDev
from tests.support.processes import child, is_running, kill
from tests.support.service import Service, running_service
from tests.support.waiting import until

T = TypeVar("T")

WORKER: Final = "worker 0"
EXCHANGER: Final = "exchanger"
ASLEEP: Final = 2
"""Seconds that a process stays at a point while another is killed."""
CONNECT: Final = (
    "connect.after_begin",
    "connect.before_exchange",
    "connect.after_exchange",
    "connect.after_spool",
    "connect.before_commit",
    "connect.after_commit",
)
REFRESH: Final = (
    "refresh.before_lease",
    "refresh.after_lease",
    "refresh.after_intent",
    "refresh.before_send",
    "refresh.after_answer",
    "refresh.before_commit",
    "refresh.after_commit",
    "refresh.before_scrub",
)
WORKERS_REVOKE: Final = ("revoke.before_ledger", "revoke.after_ledger", "revoke.after_stage", "revoke.after_delete")
EXCHANGERS_REVOKE: Final = ("revoke.staged", "revoke.before_upstream", "revoke.after_upstream")
REVOKE: Final = (*WORKERS_REVOKE, *EXCHANGERS_REVOKE)


@dataclass(frozen=True)
class Crash:
    """An installation about to lose a process at a point; which it then puts another in the place of."""

    service: Service
    point: str
    victim: int
    dies_by_itself: bool

    def during(self, call: Callable[[], T]) -> T | Refused:
        """Make the call that comes to the point; return how it ended, once the process is gone."""
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(call)
            until(lambda: reached(self.service.dev, self.point), f"the call comes to {self.point}")
            if not self.dies_by_itself:
                kill(self.victim)
            until(lambda: not is_running(self.victim), "the process is gone")
            try:
                return answer.result()
            except Refused as refused:
                return refused


@contextlib.contextmanager
def losing(role: str, point: str) -> Iterator[Crash]:
    """Run an installation that loses the process of a role when a call is at the point."""
    home = WORKER if point in WORKERS_REVOKE else EXCHANGER
    action = "kill" if role == home else f"sleep:{ASLEEP}"
    with running_service(MMT_FAILPOINTS=f"{point}={action}") as service:
        victim = child(service.dev.process.pid, role)
        yield Crash(service, point, victim, dies_by_itself=role == home)
        assert not is_running(victim)
        assert child(service.dev.process.pid, role) != victim


def reached(dev: RunningDev, point: str) -> bool:
    """Whether a process has come to a point and acted."""
    return any('"event":"failpoint"' in line and f'"point":"{point}"' in line for line in dev.logs().splitlines())


def again(call: Callable[[], T]) -> T:
    """Repeat a call for as long as the service is down or says that waiting helps."""
    answers: list[T] = []

    def tried() -> bool:
        try:
            answers.append(call())
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAVAILABLE:
                raise
        return bool(answers)

    until(tried, "the service answers again")
    return answers[0]


def spool(state_dir: Path) -> Sequence[str]:
    """The names of the records that the exchanger keeps on its disk."""
    return sorted(path.name for path in (state_dir / "spool").iterdir())
