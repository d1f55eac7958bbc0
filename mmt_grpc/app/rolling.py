"""A rolling restart: one child after the other takes new settings, and no call is lost on the way.

The exchanger goes first: it drains and starts again, while calls that need it wait for its socket. Then each new
worker listens on the shared address before an old one is asked to leave, which it does once its connections have grown
old and gone over to the new ones. What does not come up, or not in time, ends the roll: an exchanger goes back to the
settings that it had, and the workers that have not been replaced stay.
"""

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmt_grpc.app.line import LineClosedError
from mmt_grpc.app.plan import ChildPlan, Pace
from mmt_grpc.app.spawning import Child
from mmt_grpc.domain.ports.event_log import EventLog


@dataclass(slots=True, eq=False)
class Post:
    """A place that a child fills; one that is `leaving` is not filled again. `other_plan` is the one that a roll brings
    it, and once it has that, the one from before. `leave_by`: when a child that was asked to leave is killed.
    `drained`: whether the last child that ended left nothing to do.
    """

    plan: ChildPlan
    child: Child | None = None
    failures: int = 0
    not_before: float = 0.0
    leaving: bool = False
    leave_by: float | None = None
    drained: bool = False
    other_plan: ChildPlan | None = None

    def change_plans(self) -> None:
        """Take the other plan, and keep this one."""
        if self.other_plan is not None:
            self.plan, self.other_plan = self.other_plan, self.plan


@dataclass(slots=True, kw_only=True)
class Roll:
    """What is still to be done of a rolling restart: `current` is the post whose new child is awaited, whose old one
    `has_left`. `ready_by`: when a new child that is not ready is killed.
    """

    coming: deque[Post]
    going: deque[Post]
    current: Post | None = None
    has_left: bool = False
    ready_by: float | None = None

    @classmethod
    def over(cls, posts: Sequence[Post], plans: Sequence[ChildPlan]) -> "Roll":
        """Return the roll from posts to plans; a plan whose role has a post is to replace that post's."""
        by_role = {post.plan.role: post for post in posts if not post.plan.serves}
        coming: deque[Post] = deque()
        for plan in plans:
            post = by_role.get(plan.role)
            if post is None:
                coming.append(Post(plan))
            elif plan.opens_gate:
                post.other_plan = plan
                coming.append(post)
        return cls(coming=coming, going=deque(post for post in posts if post.plan.serves))


@dataclass(slots=True, kw_only=True)
class Rolling:
    """Rolls posts over to new plans, one roll at a time; `start` starts a post's child.

    Whoever is asked to leave has as long as at the end of everything, and whoever comes as long as `pace` says:
    `kill_overdue` sees to that.
    """

    posts: list[Post]
    start: Callable[[Post], None]
    log: EventLog
    pace: Pace = field(default_factory=Pace)
    elapsed: Callable[[], float] = time.monotonic
    _roll: Roll | None = field(default=None)

    @property
    def is_on(self) -> bool:
        """Whether a roll is under way."""
        return self._roll is not None

    def begin(self, plans: Sequence[ChildPlan]) -> None:
        """Begin to roll over to plans."""
        self.log.info("roll_started")
        self._roll = Roll.over(self.posts, plans)
        self._go_on(self._roll)

    def came(self, post: Post) -> None:
        """A child is ready: if the roll awaited it, an old worker may leave."""
        roll = self._roll
        if roll is None or roll.current is not post:
            return
        if post.plan.serves and roll.going:
            self._ask_to_leave(roll.going.popleft())
        self._go_on(roll)

    def left(self, post: Post) -> bool:
        """A child has ended; return whether its post is not to be filled again, or at once and without counting it."""
        roll = self._roll
        post.leave_by = None
        if post.leaving:
            self.posts.remove(post)
            return True
        if roll is None or roll.current is not post:
            return False
        if not post.plan.serves and not roll.has_left:
            roll.has_left = True
            self._await(roll, post)
            return True
        self._fail(roll, post)
        return post.plan.serves

    def next_overdue(self) -> float | None:
        """Return when somebody who leaves or comes will have to be killed, None if nobody does."""
        moments = [post.leave_by for post in self.posts]
        if self._roll is not None:
            moments.append(self._roll.ready_by)
        return min((moment for moment in moments if moment is not None), default=None)

    def kill_overdue(self) -> None:
        """Kill who has not left in time, and who is not ready in time.

        A disk that hangs must not keep a replica without its exchanger, nor one that starts keep it from the settings
        that it had, and from all that SIGHUP brings later.
        """
        roll = self._roll
        if roll is not None and roll.ready_by is not None and roll.ready_by <= self.elapsed():
            roll.ready_by = None
            if roll.current is not None and (child := roll.current.child) is not None:
                self.log.error("child_did_not_start", role=child.role, pid=child.pid)
                # That it has ended is what ends the roll.
                child.process.kill()
        for post in self.posts:
            if post.leave_by is not None and post.leave_by <= self.elapsed():
                post.leave_by = None
                if post.child is not None:
                    self.log.error("child_did_not_drain", role=post.child.role, pid=post.child.pid)
                    post.child.process.kill()

    def could_not_start(self, post: Post) -> None:
        """A child cannot be started now: if the roll awaits it, that ends the roll."""
        roll = self._roll
        if roll is not None and roll.current is post:
            self._fail(roll, post)

    def _go_on(self, roll: Roll) -> None:
        """Have the next child take its place; at the end whoever is left of the old ones leaves."""
        if not roll.coming:
            while roll.going:
                self._ask_to_leave(roll.going.popleft())
            self._roll = None
            self.log.info("roll_ended")
            return
        post = roll.current = roll.coming.popleft()
        roll.has_left = post.child is None
        roll.ready_by = None
        post.change_plans()
        if post.child is not None:
            post.child.ready = False
            self._ask(post, post.child)
            return
        self._await(roll, post)
        if post.plan.serves:
            self.posts.append(post)
            self.start(post)
        else:
            post.not_before = 0.0

    def _await(self, roll: Roll, post: Post) -> None:
        roll.ready_by = self.elapsed() + self.pace.start_of(post.plan)

    def _fail(self, roll: Roll, post: Post) -> None:
        """End a roll whose child does not come up: the old settings were good enough to serve with."""
        self.log.error("roll_failed", role=post.plan.role)
        self._roll = None
        if post.plan.serves:
            self.posts.remove(post)
        else:
            post.change_plans()
        for other in roll.coming:
            other.other_plan = None

    def _ask_to_leave(self, post: Post) -> None:
        post.leaving = True
        if post.child is None:
            self.posts.remove(post)
        else:
            self._ask(post, post.child)

    def _ask(self, post: Post, child: Child) -> None:
        linger = post.plan.linger if post.leaving else 0.0
        post.leave_by = self.elapsed() + linger + child.grace + self.pace.drain_of(post.plan)
        if linger:
            with contextlib.suppress(LineClosedError):  # it has died already: its pidfd tells
                child.line.send("leave", seconds=linger)
        else:
            child.process.send_signal(signal.SIGTERM)
