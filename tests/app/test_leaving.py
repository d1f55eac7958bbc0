"""Who is asked to leave in a roll and does not is killed, and the roll goes on."""

import dataclasses
import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

from mmt_grpc.app.plan import ChildPlan, Pace
from mmt_grpc.app.replica import LONGEST_LINGER, linger
from mmt_grpc.app.rolling import Post, Rolling
from mmt_grpc.app.spawning import Child
from mmt_grpc.app.supervisor import Supervisor
from tests.support.fakes_failure import RecordingLog

PACE = Pace(drain=30, exchanger_drain=45)


def plan(role: str, *, stubborn: bool = False) -> ChildPlan:
    return ChildPlan(
        role=role,
        module="tests.app.stubborn",
        start=lambda: {"stubborn": stubborn},
        serves=role.startswith("worker"),
        opens_gate=role == "exchanger",
    )


class Leaving:
    """Posts whose children exist in name only, at a time that a test sets; `killed` are roles, in order."""

    def __init__(self, *roles: str) -> None:
        self.now = 100.0
        self.killed: list[str] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.log = RecordingLog()
        self.posts = [Post(plan(role), child=self._child(role)) for role in roles]
        self.rolling = Rolling(posts=self.posts, start=self.start, log=self.log, pace=PACE, elapsed=lambda: self.now)

    def start(self, post: Post) -> None:
        post.child = self._child(post.plan.role)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.rolling.kill_overdue()

    def _child(self, role: str) -> Child:
        process = SimpleNamespace(send_signal=lambda _: None, kill=lambda: self.killed.append(role))
        line = SimpleNamespace(send=lambda kind, **fields: self.told.append((kind, fields)))
        return cast("Child", SimpleNamespace(role=role, pid=1, ready=True, process=process, line=line))


def test_an_exchanger_that_does_not_leave_in_time_is_killed_once() -> None:
    there = Leaving("exchanger")
    there.rolling.begin([plan("exchanger")])
    assert there.rolling.next_overdue() == 145

    there.pass_time(44.9)
    assert there.killed == []
    there.pass_time(0.1)
    there.pass_time(60)

    assert there.killed == ["exchanger"]
    assert there.log.alarms == ["child_did_not_drain"]
    assert there.rolling.next_overdue() is None


def test_an_exchanger_that_has_left_is_waited_for_no_more_and_its_successor_has_all_the_time_it_needs() -> None:
    there = Leaving("exchanger")
    there.rolling.begin([plan("exchanger")])
    (post,) = there.posts
    post.child = None
    assert there.rolling.left(post)
    there.start(post)
    there.pass_time(1000)

    assert there.killed == []


def test_a_worker_that_does_not_leave_in_time_is_killed_though_the_roll_is_over() -> None:
    there = Leaving("worker-0")
    there.rolling.begin([plan("worker-1")])
    there.rolling.came(there.posts[1])
    assert not there.rolling.is_on

    there.pass_time(30)

    assert there.killed == ["worker-0"]


def test_a_worker_with_connections_that_grow_old_is_told_how_long_they_take_and_given_that_time() -> None:
    there = Leaving("worker-0")
    there.posts[0].plan = dataclasses.replace(there.posts[0].plan, linger=35)
    there.rolling.begin([plan("worker-1")])
    there.rolling.came(there.posts[1])

    assert there.told == [("leave", {"seconds": 35})]
    there.pass_time(64.9)
    assert there.killed == []
    there.pass_time(0.1)
    assert there.killed == ["worker-0"]


def test_a_worker_stays_until_its_connections_are_old_and_not_for_a_day() -> None:
    assert 33 < linger(30) < 40
    assert linger(86_400) == LONGEST_LINGER


class Ups:
    """Told of children; calls `then` when one has come up for the second time."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.count = 0
        self.then = then

    def up(self, role: str, *, is_up: bool) -> None:
        del role
        self.count += is_up
        if is_up and self.count == 2:
            self.then()

    def restarted(self, role: str) -> None:
        raise AssertionError(f"{role} is counted as one that died")


def test_a_supervisor_kills_an_exchanger_that_hangs_and_starts_the_next() -> None:
    log = RecordingLog()
    supervisor = Supervisor(
        plans=[plan("exchanger", stubborn=True)],
        environment=os.environ,
        log=log,
        serving=lambda: os.kill(os.getpid(), signal.SIGHUP),
        watcher=Ups(lambda: os.kill(os.getpid(), signal.SIGTERM)),
        reload=lambda _: [plan("exchanger")],
        pace=Pace(exchanger_drain=0.2),
    )

    assert supervisor.run()

    assert log.alarms == ["child_did_not_drain"]
