"""What must never happen, checked at every step against the truth that only the simulation knows."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS, Cause
from mmt_grpc.domain.token_row import TokenRow, TokenState
from mmt_grpc.exchange.awaited import DISK_AWAITED
from tests.simulation.attempt import Attempt, Key
from tests.simulation.exchange import Chain, Exchange, Post
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.sealing import PlainSealing

ABSENT: Final = 600 * MICROSECONDS
HELD_TOO_LONG: Final = ABSENT - 15 * MICROSECONDS
"""A holder was seen at its lease, and checks the time at most 15 s later."""
FAILED_OVER: Final = "accepted: a failover lost an acknowledged lease"
STOPPED: Final = "accepted: a holder stopped between its check and its POST"
UNNOTICED: Final = frozenset({FAILED_OVER, STOPPED})
"""Where the row does not know of the other POST, and calls the rotation that was lost revoked."""


class ViolationError(BaseException):
    """A property does not hold; the text says which. Nothing in the engine catches it."""


@dataclass(slots=True)
class Oracle:
    """Watches; `accepted` counts what is said to be possible and happened, by kind."""

    scheduler: Scheduler
    exchange: Exchange
    sealing: PlainSealing
    reads_again: int
    """How long after its disk gives a record back a replica has noticed, at most: microseconds of simulated time."""
    attempts: dict[bytes, Attempt] = field(default_factory=dict)
    by_renewal: dict[str, list[Attempt]] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    revoked: set[Key] = field(default_factory=set)
    grants: dict[tuple[Key, int], Chain] = field(default_factory=dict)
    lost_disks: set[bytes] = field(default_factory=set)
    excused: set[int] = field(default_factory=set)
    shut: list[tuple[bytes, int, int]] = field(default_factory=list)
    """The owners whose keyrings lacked the rows' newest key, from when until when."""
    misdated: set[Key] = field(default_factory=set)
    """Rows that were condemned at a time of the database that was not the time."""
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
                why = self._judge(other, attempt, post)
                self.accepted[why] += 1
                if why in UNNOTICED:
                    self.excused.add(id(self.exchange.books.by_renewal[post.renewal]))
        earlier.append(attempt)

    def _judge(self, first: Attempt, second: Attempt, post: Post) -> str:
        """Return why a second POST of one token was right, or is accepted and said; anything else is a failure."""
        sent = first.post
        assert sent is not None
        if not self.exchange.books.by_renewal[post.renewal].alive:
            return "fine: its chain was dead"
        if sent.has_arrived and sent.consumed_at is None:
            return "fine: it had not been consumed"
        if self._is_lost_to_failover(first, second):
            return FAILED_OVER
        if post.written_at - second.leased_at > HELD_TOO_LONG:
            return STOPPED
        if not second.is_retry:
            self.fail(f"a token that was sent ({sent.fate or 'well'}) is sent again without having been in doubt")
        if sent.fate == "lost_post":
            return "fine: the first POST was lost"
        return self._judge_retry(first, second, sent)

    def _judge_retry(self, first: Attempt, second: Attempt, sent: Post) -> str:
        """Return why a retry out of IN_DOUBT is accepted, though the first POST had come to the exchange."""
        if first.owner not in second.present:
            return "accepted: its holder had not been seen for ten minutes"
        if first.is_persisted and first.owner not in self.lost_disks:
            self.fail("a token is sent again though its answer is on a living disk")
        if not sent.has_arrived:
            self.fail("a token is sent again while its POST is on its way")
        if first.is_received and not first.is_told and not first.process.is_dead:
            self.fail("a token is sent again while its answer is in a living process")
        where = (
            "the disk with its answer is lost" if first.is_persisted else "its answer was lost before it was on a disk"
        )
        return f"accepted: {where}"

    def _is_lost_to_failover(self, first: Attempt, second: Attempt) -> bool:
        """Whether a failover took a lease back, and nobody who knew could tell before the second was taken.

        An answer on a living disk is held against its row before anybody leases who has noticed the failover: that is
        everybody who had spoken to the database before.
        """
        if second.undone_at is not None:
            return True
        undone_at = first.undone_at
        if undone_at is None:
            return False
        assert first.post is not None
        if self.exchange.books.by_renewal[first.post.renewal].renewal == first.post.renewal:
            # It never came to the exchange.
            return True
        newest = self._newest(first)
        known = newest.is_persisted and newest.owner not in self.lost_disks and newest.owner in second.present
        return not known or self._is_given_up(newest, second.leased_at) or second.process.born_at > undone_at

    def _is_given_up(self, attempt: Attempt, at: int) -> bool:
        """Whether an answer could not be read, or its row not be opened, for longer than a recovery waits for that."""
        shut = [(began, ended) for owner, began, ended in self.shut if owner == attempt.owner]
        return any(
            ended - began > DISK_AWAITED and began + DISK_AWAITED < at < ended + self.reads_again
            for began, ended in (attempt.is_unreadable, *shut)
        )

    def _newest(self, first: Attempt) -> Attempt:
        """Return the attempt to which the exchange gave the token that is good now: what it brought is what counts."""
        assert first.post is not None
        renewal = self.exchange.books.by_renewal[first.post.renewal].renewal
        for attempt in self.attempts.values():
            answer = None if attempt.post is None else attempt.post.answer
            if answer is not None and answer.renewal is not None and answer.renewal.reveal() == renewal:
                return attempt
        return first

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
        chain, until = self.exchange.books.by_access[access]
        if method == "commit_refresh" and until <= self.scheduler.now:
            # Nothing can tell whether it is good, and the doubt is gone with it.
            self.excused.add(id(chain))
        if method in {"create", "replace"}:
            self.grants[key, after.grant_number] = chain
            return
        if chain is not self.grants[key, after.grant_number]:
            self.fail(f"{method} brings the token of another grant")
        if before is not None and before.binding.generation != after.binding.generation and method != "replace":
            renewal = self.sealing.look(after.sealed.renewal_blob)
            if renewal is None or self.exchange.books.by_renewal[renewal] is not chain:
                self.fail(f"{method} brings a renewal that is not its access token's")

    def committed(self, attempt_id: bytes, process: Process, *, disk_had_trouble: bool) -> None:
        """An answer is in the row. What a dead life wrote and did not fsync may be read by the next one."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            self.fail("an answer of no attempt is committed")
        elif not attempt.is_persisted and attempt.process is process and not disk_had_trouble:
            self.fail("an answer is told before it is on the disk")
        else:
            attempt.is_told = True

    # What is left at the end.

    def is_settled(self, row: TokenRow | None, key: Key) -> bool:
        """Whether a row is where it may stay: gone, usable, or honestly waiting for its user."""
        if row is None:
            return True
        if key in self.revoked:
            return False
        if row.state is TokenState.REAUTHENTICATION:
            return not self.grants[key, row.grant_number].alive or self._is_past_reinstatement(row)
        chain = self.grants[key, row.grant_number]
        usable = chain.alive and self.sealing.look(row.sealed.renewal_blob) == chain.renewal
        return row.state is TokenState.ACTIVE and usable

    def _is_past_reinstatement(self, row: TokenRow) -> bool:
        """Whether a bad day has met a token that was in doubt, or a clock that was wrong: its user has to come.

        Nobody may send such a token again, or nobody finds its row by the time of that day.
        """
        in_doubt = row.reason is Cause.ROTATION_LOST or row.doubt is not None or row.doubt_owner is not None
        is_misdated = (row.shard, row.binding.token_key) in self.misdated
        return (in_doubt or is_misdated) and self.sealing.look(row.sealed.renewal_blob) in self.exchange.misjudged

    def _has_forgotten_retry(self, chain: Chain) -> bool:
        """Whether a failover took back that a token of this chain was sent again: its first holder, back after ten
        minutes with an answer that the second POST has ended, finds its row as it had left it.
        """
        retries = (attempt for attempt in self.attempts.values() if attempt.is_retry and attempt.post is not None)
        undone = [attempt.post.renewal for attempt in retries if attempt.undone_at is not None and attempt.post]
        return any(self.exchange.books.by_renewal[renewal] is chain for renewal in undone)

    def close(self, row: TokenRow | None, key: Key) -> str:
        """Return how a row ended; fails unless that is honest."""
        if row is None:
            return "gone"
        if row.state is not TokenState.REAUTHENTICATION:
            return "active"
        chain = self.grants[key, row.grant_number]
        reason = "" if row.reason is None else row.reason.value
        if chain.died_of == "reuse" and reason != "ROTATION_LOST":
            # What cannot be probed is taken for good even over a lost rotation.
            if id(chain) not in self.excused and self.exchange.probes and not self._has_forgotten_retry(chain):
                self.fail(f"a rotation was lost, and the row says {reason}")
            return "reauthentication: lost unnoticed, said to be revoked"
        if chain.alive:
            return "reauthentication: refused on a bad day, and in doubt"
        if chain.died_of == "withdrawn":
            return "reauthentication: the user withdrew"
        return f"reauthentication: {reason}"
