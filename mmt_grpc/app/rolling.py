"""A rolling restart: one child after the other takes new settings, and no call is lost on the way.

The exchanger goes first: it drains and starts again, while calls that need it wait for its socket. Then each new worker
listens on the shared address before an old one is asked to leave.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.spawning import Child


@dataclass(slots=True, eq=False)
class Post:
    """A place that a child fills; one that is `leaving` is not filled again."""

    plan: ChildPlan
    child: Child | None = None
    failures: int = 0
    not_before: float = 0.0
    leaving: bool = False


@dataclass(slots=True, kw_only=True)
class Roll:
    """What is still to be done of a rolling restart: `current` is the post whose child is awaited."""

    coming: deque[Post]
    going: deque[Post]
    current: Post | None = None
    failed: bool = field(default=False)

    @classmethod
    def over(cls, posts: Sequence[Post], plans: Sequence[ChildPlan]) -> "Roll":
        """Return the roll from posts to plans; a plan whose role has a post replaces that post's."""
        by_role = {post.plan.role: post for post in posts if not post.plan.serves}
        coming: deque[Post] = deque()
        for plan in plans:
            post = by_role.get(plan.role)
            if post is None:
                coming.append(Post(plan))
            elif plan.opens_gate:
                post.plan = plan
                coming.append(post)
        return cls(coming=coming, going=deque(post for post in posts if post.plan.serves))
