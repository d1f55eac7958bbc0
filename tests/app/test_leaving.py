"""Who is asked to leave in a roll and does not is killed, and the roll goes on; who comes and is not ready ends it."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mmt_grpc.app.plan import Pace
from mmt_grpc.app.replica import LONGEST_LINGER, Replica, linger
from mmt_grpc.app.rolling import Post, Rolling
from mmt_grpc.app.spawning import Child
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import OAuthOptions
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.tables import SettingsTable
from mmt_grpc.telemetry.log import Log
from tests.app.plans import plan
from tests.support.fakes_failure import RecordingLog

GRACE = 600.0
PACE = Pace(drain=30, exchanger_drain=45, start=60, exchanger_start=500)


class Leaving:
    """Posts whose children exist in name only, at a time that a test sets; `killed` are roles, in order."""

    def __init__(self, *roles: str, grace: float = 0.0) -> None:
        self.now = 100.0
        self.grace = grace
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
        fields = {"role": role, "pid": 1, "ready": True, "grace": self.grace, "process": process, "line": line}
        return cast("Child", SimpleNamespace(**fields))


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


def test_an_exchanger_that_has_left_is_waited_for_no_more_and_its_successor_has_time_to_settle_what_it_left() -> None:
    there = Leaving("exchanger")
    there.rolling.begin([plan("exchanger")])
    (post,) = there.posts
    there.pass_time(40)
    post.child = None
    assert there.rolling.left(post)
    there.start(post)
    assert there.rolling.next_overdue() == 640

    there.pass_time(499.9)
    assert there.killed == []
    there.rolling.came(post)
    there.pass_time(1000)

    assert there.killed == []
    assert not there.rolling.is_on


def test_an_exchanger_that_is_not_ready_in_time_is_killed_and_the_next_has_the_settings_from_before() -> None:
    there = Leaving("exchanger")
    (post,), old = there.posts, there.posts[0].plan
    there.rolling.begin([plan("exchanger")])
    assert there.rolling.left(post)
    there.start(post)

    there.pass_time(500)
    there.pass_time(500)
    assert there.killed == ["exchanger"]
    assert not there.rolling.left(post)

    assert post.plan is old
    assert there.log.alarms == ["child_did_not_start", "roll_failed"]
    assert (there.rolling.is_on, there.rolling.next_overdue()) == (False, None)


def test_a_worker_that_is_not_ready_in_time_is_killed_and_the_old_one_stays() -> None:
    there = Leaving("worker-0")
    there.rolling.begin([plan("worker-1")])
    new = there.posts[1]

    there.pass_time(59.9)
    assert there.killed == []
    there.pass_time(0.1)
    assert there.killed == ["worker-1"]
    assert there.rolling.left(new)

    assert [post.plan.role for post in there.posts] == ["worker-0"]
    assert there.told == []
    assert there.log.alarms == ["child_did_not_start", "roll_failed"]


def test_each_new_worker_has_that_time_anew() -> None:
    there = Leaving("worker-0", "worker-1")
    there.rolling.begin([plan("worker-2"), plan("worker-3")])
    there.pass_time(50)
    there.rolling.came(there.posts[2])
    there.pass_time(50)

    assert "worker-3" not in there.killed
    assert there.rolling.is_on


@pytest.mark.parametrize(("role", "beyond"), [("exchanger", 45), ("worker-0", 30)])
def test_whoever_leaves_has_the_grace_that_it_was_started_with_before_it_is_killed(role: str, beyond: float) -> None:
    there = Leaving(role, grace=GRACE)
    new = "exchanger" if role == "exchanger" else "worker-1"
    there.rolling.begin([plan(new, grace=1.0)])
    if new != role:
        there.rolling.came(there.posts[1])

    there.pass_time(GRACE + beyond - 0.1)
    assert there.killed == []
    there.pass_time(0.1)
    assert there.killed == [role]


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


def test_a_worker_is_given_the_grace_of_the_settings_and_an_exchanger_what_the_slowest_provider_takes_besides() -> None:
    providers = {
        name: OAuthOptions(
            token_url="https://a.example/t", client_id="c", client_secret=Secret("s"), total_timeout=most
        )
        for name, most in {"one": 10.0, "other": 60.0}.items()
    }
    table = SettingsTable.model_validate({"grace": GRACE, "workers": 1, "pin_workers": False})
    replica = Replica(
        settings=Settings(table=table, providers=providers),
        state=cast("StateDirectory", SimpleNamespace(lock=0)),
        addresses=[],
        channel=ChannelSlice(socket=Path("/nonexistent"), secret=Secret("")),
        metrics_dir=None,
        log=cast("Log", None),
    )

    assert {plan.role: plan.grace for plan in replica.plans()} == {"exchanger": GRACE + 60, "worker-0": GRACE}
