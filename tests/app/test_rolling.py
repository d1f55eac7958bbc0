"""SIGHUP: settings are read again and every child takes them, one after the other, while calls go on."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.reloading import first_free
from mmt_grpc.app.rolling import Post, Roll, Rolling
from mmt_grpc.app.spawning import Child
from tests.support.clients import token_of
from tests.support.fakes_failure import RecordingLog
from tests.support.processes import children
from tests.support.service import running_service
from tests.support.waiting import until


def plan(role: str, *, serves: bool = False) -> ChildPlan:
    return ChildPlan(role=role, module="m", start=dict, serves=serves, opens_gate=role == "exchanger")


def test_a_roll_takes_the_exchanger_first_and_a_new_worker_before_an_old_one_leaves() -> None:
    old = [Post(plan("sandbox")), Post(plan("exchanger")), Post(plan("worker-0", serves=True))]

    roll = Roll.over(old, [plan("sandbox"), plan("exchanger"), plan("worker-1", serves=True)])

    assert [post.plan.role for post in roll.coming] == ["exchanger", "worker-1"]
    assert [post.plan.role for post in roll.going] == ["worker-0"]


class Children:
    """Posts whose children exist in name only; `signalled` are the roles that were asked to end, in order."""

    def __init__(self, *plans: ChildPlan) -> None:
        self.signalled: list[str] = []
        self.log = RecordingLog()
        self.posts = [Post(each, child=self._child(each.role)) for each in plans]
        self.rolling = Rolling(posts=self.posts, start=self.start, log=self.log)

    def start(self, post: Post) -> None:
        post.child = self._child(post.plan.role)

    def end(self, post: Post) -> bool:
        """Have a post's child end, and be started again unless it is to stay away; whether it went uncounted."""
        post.child = None
        uncounted = self.rolling.left(post)
        if post in self.posts:
            self.start(post)
        return uncounted

    def is_rolling(self) -> bool:
        return self.rolling.is_on

    def post(self, role: str) -> Post:
        return next(post for post in self.posts if post.plan.role == role)

    def _child(self, role: str) -> Child:
        ended = SimpleNamespace(send_signal=lambda _: self.signalled.append(role))
        return cast("Child", SimpleNamespace(ready=True, grace=0.0, process=ended))


def test_an_exchanger_that_does_not_come_up_goes_back_to_the_settings_that_it_had() -> None:
    old, new = plan("exchanger"), plan("exchanger")
    there = Children(old, plan("worker-0", serves=True))
    there.rolling.begin([new, plan("worker-1", serves=True)])
    post = there.post("exchanger")
    assert post.plan is new

    assert there.end(post)  # the old one has left, as it was asked to
    assert there.is_rolling()
    assert not there.end(post)  # the new one has died: that counts, and is put off like any other death

    assert not there.is_rolling()
    assert post.plan is old
    assert there.signalled == ["exchanger"]
    assert [each.plan.role for each in there.posts] == ["exchanger", "worker-0"]
    assert there.log.alarms == ["roll_failed"]

    there.rolling.begin([new, plan("worker-1", serves=True)])
    assert there.end(post)
    there.rolling.came(post)
    there.rolling.came(there.post("worker-1"))
    assert not there.is_rolling()
    assert post.plan is new
    assert there.signalled == ["exchanger", "exchanger", "worker-0"]


def test_an_exchanger_that_is_away_when_its_turn_comes_starts_with_the_new_settings() -> None:
    new = plan("exchanger")
    there = Children(plan("exchanger"))
    (post,) = there.posts
    post.child = None

    there.rolling.begin([new])
    assert there.posts == [post]
    assert post.plan is new
    there.start(post)
    assert not there.end(post)

    assert not there.is_rolling()
    assert post.plan is not new


def test_a_worker_that_does_not_come_up_leaves_the_old_ones_in_their_places() -> None:
    there = Children(plan("worker-0", serves=True))
    there.rolling.begin([plan("worker-1", serves=True)])

    assert there.end(there.post("worker-1"))

    assert not there.is_rolling()
    assert [post.plan.role for post in there.posts] == ["worker-0"]
    assert there.signalled == []


@pytest.mark.parametrize(
    ("taken", "count", "first"),
    [
        ([], 2, 0),
        (["worker-0", "worker-1"], 2, 2),
        (["worker-2", "worker-3"], 2, 0),
        (["worker-1", "worker-2"], 2, 3),
        (["exchanger", "worker-3"], 3, 0),
        (["worker-0", "worker-3"], 3, 4),
    ],
)
def test_workers_that_come_are_numbered_apart_from_all_that_are_there(taken: list[str], count: int, first: int) -> None:
    assert first_free(taken, count) == first


def test_settings_that_nothing_can_start_with_are_taken_back_and_later_ones_taken(tmp_path: Path) -> None:
    config = tmp_path / "extra.toml"
    config.write_text("", encoding="utf-8")
    with running_service(MMT_CONFIG=str(config)) as service:
        token_id, _ = service.connected()
        config.write_text(f'ledger_url = "sqlite:///{tmp_path}/nowhere/ledger.db"', encoding="utf-8")
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"roll_failed"' in service.dev.logs(), "the roll fails")
        until(lambda: "mmt: exchanger" in children(service.dev.process.pid), "the exchanger is back")
        assert token_of(service.write.resolve(token_id))
        config.write_text("", encoding="utf-8")
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"roll_ended"' in service.dev.logs(), "the next roll ends")
        connected, _ = service.connected()

    assert connected != token_id


def test_every_child_is_replaced_and_the_old_workers_go_once_their_connections_have() -> None:
    with running_service(MMT_WORKERS="2", MMT_MAX_CONNECTION_AGE="1") as service:
        token_id, _ = service.connected()
        before = children(service.dev.process.pid)
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"roll_ended"' in service.dev.logs(), "the roll ends")
        until(lambda: len(children(service.dev.process.pid)) == len(before), "the old ones are gone")
        after = children(service.dev.process.pid)
        with service.caller(service.dev.api_keys["read"]) as caller:
            assert token_of(caller.resolve(token_id))

    assert {title for title in after if "worker" in title} == {"mmt: worker 2", "mmt: worker 3"}
    assert after["mmt: exchanger"] != before["mmt: exchanger"]
    assert after["mmt: sandbox"] == before["mmt: sandbox"]


@pytest.mark.parametrize("text", ["[nonsense", "max_calls = 0"])
def test_settings_that_cannot_be_used_change_nothing(tmp_path: Path, text: str) -> None:
    config = tmp_path / "extra.toml"
    config.write_text("", encoding="utf-8")
    with running_service(MMT_CONFIG=str(config)) as service:
        before = children(service.dev.process.pid)
        config.write_text(text, encoding="utf-8")
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"settings_refused"' in service.dev.logs(), "the settings are refused")

        assert children(service.dev.process.pid) == before
