"""What must never happen, checked at every step against the truth that only the simulation knows."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.simulation.exchange import Chain, Exchange, Post
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.sealing import PlainSealing

Key = tuple[int, bytes]
ABSENT: Final = 600 * MICROSECONDS
HELD_TOO_LONG: Final = ABSENT - 15 * MICROSECONDS
"""A holder was seen at its lease, and checks the time at most 15 s later."""


class ViolationError(Exception):
    """A property does not hold; the text says which, and where."""


@dataclass(slots=True)
class Attempt:
    """One lease, and what became of it; `is_retry`: it was taken from IN_DOUBT."""

    attempt_id: bytes
    key: Key
    owner: bytes
    process: Process
    generation: int
    is_retry: bool
    leased_at: int
    absent: frozenset[bytes]
    """The owners that had not been seen for ten minutes when it was taken."""
    post: Post | None = None
    is_received: bool = False
    is_persisted: bool = False
    is_undone: bool = False
    """A failover took its lease back."""


@dataclass(slots=True)
class Oracle:
    """Watches; `accepted` counts what is said to be possible and happened, by kind."""

    scheduler: Scheduler
    exchange: Exchange
    sealing: PlainSealing
    attempts: dict[bytes, Attempt] = field(default_factory=dict)
    by_renewal: dict[str, list[Attempt]] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    revoked: set[Key] = field(default_factory=set)
    grants: dict[tuple[Key, int], Chain] = field(default_factory=dict)
    lost_disks: set[bytes] = field(default_factory=set)
    restored: set[Key] = field(default_factory=set)
    """Rows that a failover brought back, until the ledger is followed."""

    def fail(self, what: str) -> None:
        """Say that a property does not hold."""
        raise ViolationError(what)

    # What is sent.

    def leased(self, attempt: Attempt) -> None:
        """A lease has been taken, whether or not its holder knows."""
        self.attempts[attempt.attempt_id] = attempt

    def send(self, attempt: Attempt, post: Post, *, intent_is_durable: bool) -> None:
        """A POST is written."""
        if attempt.post is not None:
            self.fail("one attempt sent twice")
        if not intent_is_durable:
            self.fail("sent before its intent was on the disk")
        attempt.post = post
        earlier = self.by_renewal.setdefault(post.renewal, [])
        if not self.exchange.tolerant:
            for other in earlier:
                self.accepted[self._judge(other, attempt, post)] += 1
        earlier.append(attempt)

    def _judge(self, first: Attempt, second: Attempt, post: Post) -> str:
        """Return why a second POST of one token was right, or is accepted and said; anything else is a failure."""
        sent = first.post
        assert sent is not None
        if sent.has_arrived and sent.consumed_at is None:
            return "fine: it had not been consumed"
        if first.is_undone or second.is_undone:
            return "accepted: a failover lost an acknowledged lease"
        if post.written_at - second.leased_at > HELD_TOO_LONG:
            return "accepted: a holder stopped between its check and its POST"
        if not second.is_retry:
            self.fail(f"a token that was sent ({sent.fate or 'well'}) is sent again without having been in doubt")
        if sent.fate == "lost_post":
            return "fine: the first POST was lost"
        if first.owner in second.absent:
            return "accepted: its holder had not been seen for ten minutes"
        if first.is_persisted and first.owner in self.lost_disks:
            return "accepted: the disk with its answer is lost"
        if first.is_persisted:
            self.fail("a token is sent again though its answer is on a living disk")
        if not sent.has_arrived:
            self.fail("a token is sent again while its POST is on its way")
        if first.is_received and not first.process.is_dead:
            self.fail("a token is sent again while its answer is in a living process")
        return "accepted: its answer was lost before it was on a disk"

    # What is written.

    def wrote(self, method: str, key: Key, before: TokenRow | None, after: TokenRow | None) -> None:
        """A statement has changed a row."""
        if after is None:
            self.restored.discard(key)
            return
        if key in self.revoked and key not in self.restored:
            self.fail(f"{method} resurrects a revoked row")
        if before is not None and after.binding.generation < before.binding.generation:
            self.fail(f"{method} takes a generation back")
        access = self.sealing.look(after.sealed.access_blob)
        assert access is not None
        chain = self.exchange.books.by_access[access][0]
        if method in {"create", "replace"}:
            self.grants[key, after.grant_number] = chain
            return
        if chain is not self.grants[key, after.grant_number]:
            self.fail(f"{method} brings the token of another grant")
        if before is not None and before.binding.generation != after.binding.generation and method != "replace":
            renewal = self.sealing.look(after.sealed.renewal_blob)
            if renewal is None or self.exchange.books.by_renewal[renewal] is not chain:
                self.fail(f"{method} brings a renewal that is not its access token's")

    def committed(self, attempt_id: bytes, *, disk_had_trouble: bool) -> None:
        """An answer is in the row."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            self.fail("an answer of no attempt is committed")
        elif not attempt.is_persisted and not disk_had_trouble:
            self.fail("an answer is told before it is on the disk")

    # What is left at the end.

    def is_settled(self, row: TokenRow | None, key: Key) -> bool:
        """Whether a row is where it may stay: gone, usable, or honestly waiting for its user."""
        if row is None:
            return True
        if key in self.revoked:
            return False
        if row.state is TokenState.REAUTHENTICATION:
            return not self.grants[key, row.grant_number].alive
        chain = self.grants[key, row.grant_number]
        usable = chain.alive and self.sealing.look(row.sealed.renewal_blob) == chain.renewal
        return row.state is TokenState.ACTIVE and usable

    def close(self, row: TokenRow | None, key: Key) -> str:
        """Return how a row ended; fails unless that is honest."""
        if row is None:
            return "gone"
        if row.state is not TokenState.REAUTHENTICATION:
            return "active"
        chain = self.grants[key, row.grant_number]
        reason = "" if row.reason is None else row.reason.value
        if chain.died_of == "reuse" and reason != "ROTATION_LOST":
            undone = any(attempt.is_undone for attempt in self.attempts.values() if attempt.key == key)
            if not undone:
                self.fail(f"a rotation was lost, and the row says {reason}")
            return "reauthentication: lost by a failover, said to be revoked"
        if chain.died_of == "withdrawn":
            return "reauthentication: the user withdrew"
        return f"reauthentication: {reason}"
