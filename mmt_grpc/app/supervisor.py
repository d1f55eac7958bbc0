"""The supervisor's loop: children are started, watched, started again, and ended in their order."""

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.app.child_watcher import ChildWatcher
from mmt_grpc.app.line import LineClosedError
from mmt_grpc.app.plan import ChildPlan, Pace
from mmt_grpc.app.rolling import Post, Rolling
from mmt_grpc.app.signals import Signals
from mmt_grpc.app.spawning import Child, spawn
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.domain.ports.event_log import EventLog

REFUSED_TO_START: Final = 78
"""Exit status of a child that will never start with these settings (EX_CONFIG): starting it again helps nobody."""


class StartFailedError(Exception):
    """A child refused to start; `role` names it, and its own log says why."""

    def __init__(self, role: str) -> None:
        super().__init__(f"{role} refused to start")


@dataclass(kw_only=True)
class Supervisor:
    """Runs children by their plans until a stopping signal; call `run` from the main thread.

    `serving` is called once, when every child has been ready for the first time. SIGHUP asks `reload` for new plans,
    given the roles that there are, and rolls over to them; None keeps the old ones.
    """

    plans: Sequence[ChildPlan]
    environment: Mapping[str, str]
    log: EventLog
    serving: Callable[[], None]
    watcher: ChildWatcher
    reload: Callable[[Collection[str]], Sequence[ChildPlan] | None] = lambda _: None
    pace: Pace = field(default_factory=Pace)
    _gate_open: bool = False
    _announced: bool = False
    _clean: bool = True
    _signals: Signals = field(default_factory=Signals)

    def run(self) -> bool:
        """Run; return whether everything was drained at the end. Raises `StartFailedError`."""
        self._posts = [Post(plan) for plan in self.plans]
        self._rolling = Rolling(posts=self._posts, start=self._start, log=self.log, pace=self.pace)
        self._selector = selectors.DefaultSelector()
        with self._signals.caught() as wakeup:
            self._selector.register(wakeup, selectors.EVENT_READ)
            try:
                while not self._signals.stopping:
                    self._reload_if_asked()
                    self._start_due()
                    self._rolling.kill_overdue()
                    self._turn(self._next_moment())
            finally:
                self._end_all()
        return self._clean

    def _reload_if_asked(self) -> None:
        if not self._signals.reloading or self._rolling.is_on or not self._announced:
            return
        self._signals.reloading = False
        plans = self.reload([post.plan.role for post in self._posts])
        if plans is not None:
            self._rolling.begin(plans)

    def _start_due(self) -> None:
        now = time.monotonic()
        for post in list(self._posts):
            if post.child is None and not post.leaving and post.not_before <= now:
                self._start(post)

    def _start(self, post: Post) -> None:
        plan, told = post.plan, self._told(post)
        if told is None:
            return
        child = spawn(plan.role, plan.module, environment=self.environment, inherit=plan.inherit, grace=plan.grace)
        post.child = child
        self._selector.register(child.line, selectors.EVENT_READ, post)
        self._selector.register(child.pidfd, selectors.EVENT_READ, post)
        with contextlib.suppress(LineClosedError):  # it has died already: its pidfd tells
            child.line.send("start", **told)
            if plan.serves and self._gate_open:
                child.line.send("serve")
        self.log.info("child_started", role=plan.role, pid=child.pid)

    def _told(self, post: Post) -> Mapping[str, object] | None:
        """Return a child's first message; None if its keys cannot be read now: once it serves, a replica lives on."""
        try:
            return post.plan.start()
        except KeyringError as error:
            if not self._announced:
                raise
            self.log.error("child_not_started", role=post.plan.role, why=str(error))
            self._rolling.could_not_start(post)
            post.failures += 1
            self._put_off(post)
            return None

    def _put_off(self, post: Post) -> None:
        pause = self.pace.first_pause * 2 ** min(post.failures, 10) if post.failures else 0.0
        post.not_before = time.monotonic() + min(self.pace.longest_pause, pause)

    def _next_moment(self) -> float | None:
        """Return in how many seconds something is to be done, None for nothing."""
        moments = [post.not_before for post in self._posts if post.child is None]
        overdue = self._rolling.next_overdue()
        if overdue is not None:
            moments.append(overdue)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _turn(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            post = key.data
            if post is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 512)
            elif post.child is not None and key.fd == post.child.pidfd:
                self._reap(post)
            elif post.child is not None and key.fileobj is post.child.line:
                self._hear(post, post.child)

    def _hear(self, post: Post, child: Child) -> None:
        try:
            message = child.hear(self.log)
        except LineClosedError:
            self._selector.unregister(child.line)
            return
        kind = message["type"]
        if kind == "ready":
            child.ready = True
            self.watcher.up(post.plan.role, is_up=True)
            self._became_ready(post)
        elif kind in post.plan.answers:
            with contextlib.suppress(LineClosedError):
                child.line.send(kind, **post.plan.answers[kind]())

    def _became_ready(self, post: Post) -> None:
        if post.plan.opens_gate and not self._gate_open:
            self._gate_open = True
            for other in self._posts:
                if other.plan.serves and other.child is not None:
                    with contextlib.suppress(LineClosedError):
                        other.child.line.send("serve")
        if not self._announced and all(other.child is not None and other.child.ready for other in self._posts):
            self._announced = True
            self.serving()
        self._rolling.came(post)

    def _reap(self, post: Post) -> None:
        child = post.child
        if child is None:
            return
        self._forget(child)
        status = child.reap()
        post.child = None
        post.drained = status == 0
        self.watcher.up(post.plan.role, is_up=False)
        if self._rolling.left(post):
            return
        self.watcher.restarted(post.plan.role)
        if status == REFUSED_TO_START and not self._announced and not self._signals.stopping:
            raise StartFailedError(post.plan.role)
        post.failures = 0 if time.monotonic() - child.started > self.pace.settled_after else post.failures + 1
        self._put_off(post)
        if not self._signals.stopping:
            self.log.warning("child_ended", role=post.plan.role, pid=child.pid, status=status)

    def _forget(self, child: Child) -> None:
        self._selector.unregister(child.pidfd)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.line)

    def _end_all(self) -> None:
        """End those who serve first, then the others, the exchanger last: it drains what they left to it."""
        self._signals.stopping = True
        self.log.info("stopping")
        self._end([post for post in self._posts if post.plan.serves])
        self._end_gatekeepers([post for post in self._posts if post.plan.opens_gate])
        self._end(self._posts)
        self._selector.close()
        self.log.info("stopped", drained=self._clean)

    def _end_gatekeepers(self, posts: Sequence[Post]) -> None:
        for post in posts:
            # Between two lives nobody drains, and nobody knows what the one that died has left.
            if post.child is None and not post.drained:
                self._clean = False
                self.log.error("spool_not_drained", role=post.plan.role)
        self._end(posts)

    def _end(self, posts: Sequence[Post]) -> None:
        for post in posts:
            if post.child is not None:
                post.child.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        for post in posts:
            child = post.child
            if child is None:
                continue
            until = asked + child.grace + self.pace.drain_of(post.plan)
            with selectors.DefaultSelector() as waiting:
                waiting.register(child.pidfd, selectors.EVENT_READ)
                if not waiting.select(max(0.0, until - time.monotonic())):
                    self.log.error("child_did_not_drain", role=post.plan.role, pid=child.pid)
                    child.process.kill()
            self._forget(child)
            status = child.reap()
            post.child = None
            self._clean = self._clean and status == 0
