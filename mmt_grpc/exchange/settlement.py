"""What becomes of attempts whose end is not written yet: each is settled by its owner, from its own disk.

No intent: the state before. An intent alone: IN_DOUBT. An answer: committed, if it is still this token's.
"""

import enum
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from mmt_grpc.domain.errors import IntegrationUnknownError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS, Liveness
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Providers
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import SettlementRows
from mmt_grpc.domain.token_row import Refreshed, TokenRow, TokenState
from mmt_grpc.exchange import lifetimes
from mmt_grpc.exchange.asking import Asking
from mmt_grpc.exchange.attempt_records import Answer, AttemptLog, AttemptRecord, Intent
from mmt_grpc.exchange.unwanted import Unwanted
from mmt_grpc.exchange.write_back import WriteBack

KEPT: Final = 600 * MICROSECONDS
"""How long a committed answer stays on disk: a failover may take its commit back."""
MOST_TRIES: Final = 20

Ask = Callable[[Intent, Answer], Liveness | None]


class Verdict(enum.Enum):
    """What became of an answer."""

    COMMITTED = "refreshed"
    MOVED = "moved"
    """The generation has moved on: by this answer's own commit, or by a Connect."""
    GONE = "gone"
    """The row is revoked; the new tokens are on their way to be revoked upstream."""
    DEAD = "dead"
    """The provider no longer accepts what it had answered."""
    LATER = "later"
    """Another attempt is running."""
    UNPROBED = "unprobed"
    """The row waits for its user, and the provider cannot be asked now whether the answer would mend it."""

    @property
    def is_final(self) -> bool:
        """Whether there is nothing left to do for the answer."""
        return self not in {Verdict.LATER, Verdict.UNPROBED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Settles attempts of this replica, whose name is `owner`."""

    owner: bytes
    rows: SettlementRows
    sealing: Sealing
    providers: Providers
    asking: Asking
    attempt_log: AttemptLog
    write_back: WriteBack
    wall_clock: Callable[[], int]
    unwanted: Unwanted
    randomness: Randomness
    failpoints: Failpoints
    log: EventLog

    def apply(self, intent: Intent, answer: Answer) -> Verdict:
        """Bring an answer into its row, however long the store is away; raises `StoppedError` at the process's end."""
        return self._apply(intent, answer, self.asking.ask)

    def _apply(self, intent: Intent, answer: Answer, ask: Ask) -> Verdict:
        for _ in range(MOST_TRIES):
            row = self.write_back.read_back(intent.shard, intent.token_key)
            verdict = self._judge(row, intent, answer, ask)
            if verdict is not None:
                return verdict
        return Verdict.LATER

    def _judge(self, row: TokenRow | None, intent: Intent, answer: Answer, ask: Ask) -> Verdict | None:
        """Return what becomes of an answer, None to look at the row again.

        A row of an older generation has lost the refreshes in between to a failover: an answer of the same grant that
        is alive is further along than it, whoever held those.
        """
        if row is None or intent.grant_order(row) > 0:
            # Revoked; or a failover has taken back the Connect to whose grant it belongs.
            self.unwanted.add(intent.attempt_id, intent.integration, answer.issued())
            self.log.info("late_answer_unwanted", integration=intent.integration)
            return Verdict.GONE
        if self.is_past(row, intent):
            return Verdict.MOVED
        if row.attempt_id == intent.attempt_id and row.state is not TokenState.REAUTHENTICATION:
            refreshed = self._resealed(row, intent, answer)
            committed = self.write_back.commit(row, intent.attempt_id, refreshed, probed=False)
            return Verdict.COMMITTED if committed else None
        return self._judge_overtaken(row, intent, answer, ask)

    @staticmethod
    def is_past(row: TokenRow, intent: Intent) -> bool:
        """Whether a row has moved on from the generation that an attempt set out to replace, or to another grant."""
        order = intent.grant_order(row)
        return order < 0 or (order == 0 and row.binding.generation > intent.generation)

    def _judge_overtaken(self, row: TokenRow, intent: Intent, answer: Answer, ask: Ask) -> Verdict | None:
        """Return what becomes of an answer whose attempt is not the row's own any more."""
        if row.state is TokenState.REFRESHING:
            return Verdict.LATER
        liveness, is_condemned = ask(intent, answer), row.state is TokenState.REAUTHENTICATION
        if liveness is Liveness.DEAD and (is_condemned or not self._has_expired(answer)):
            return Verdict.DEAD
        if liveness is None and is_condemned:
            return Verdict.UNPROBED
        # Where a probe cannot tell: what the row holds was spent for this answer, so that it cannot be the better one.
        committed = self.write_back.commit(row, intent.attempt_id, self._resealed(row, intent, answer), probed=True)
        return Verdict.COMMITTED if committed else None

    def _resealed(self, row: TokenRow, intent: Intent, answer: Answer) -> Refreshed:
        """Seal an answer for the generation that it was given for; one without a new refresh token keeps the old."""
        issued = answer.issued()
        renewal = issued.renewal or self.sealing.open(row.binding, row.sealed).renewal
        binding = replace(row.binding, generation=intent.generation + 1)
        access_blob, renewal_blob = self.sealing.reseal(
            binding=binding, sealed=row.sealed, credential=issued.credential, renewal=renewal
        )
        kept = replace(issued, renewal=renewal)
        expires_at = lifetimes.expiry(kept, sent_at=answer.sent_at, refreshable=True)
        renewal_expires_at = lifetimes.renewal_expiry(issued, sent_at=answer.sent_at) or row.renewal_expires_at
        return Refreshed(
            access_blob=access_blob,
            renewal_blob=renewal_blob,
            access_expires_at=expires_at,
            renewal_expires_at=renewal_expires_at,
            next_refresh_at=lifetimes.next_refresh(
                expires_at,
                now=answer.sent_at,
                refreshable=True,
                randomness=self.randomness,
                renewal_expires_at=renewal_expires_at,
            ),
            sent_at=answer.sent_at,
            steps=binding.generation - row.binding.generation,
        )

    def _has_expired(self, answer: Answer) -> bool:
        """Whether an access token is over anyway: that it is refused says nothing of the refresh token beside it.

        By the database's clock or by this host's: one that was set back would take it to live, and throw a good refresh
        token away.
        """
        expires_at = lifetimes.expiry(answer.issued(), sent_at=answer.sent_at, refreshable=True)
        return expires_at is not None and expires_at <= max(self.write_back.now(), self.wall_clock())

    def _tolerates_reuse(self, integration: str) -> bool:
        try:
            return self.providers.get(integration).tolerates_reuse
        except IntegrationUnknownError:
            return False

    def settle_answer(self, intent: Intent, answer: Answer) -> Verdict:
        """Settle an attempt that was answered and no longer runs, in a round of `asking`."""
        self.failpoints.reach("settle.before_commit")
        verdict = self._apply(intent, answer, self.asking.ask_in_turn)
        self.log.info("answer_settled", integration=intent.integration, verdict=verdict.value)
        return verdict

    def settle_intent(self, intent: Intent) -> bool:
        """Settle an attempt that runs no more, and that may have been sent; True if that changed its row."""
        row = self.write_back.read_back(intent.shard, intent.token_key)
        if row is not None and row.attempt_id == intent.attempt_id and row.state is TokenState.REFRESHING:
            self.write_back.doubt(
                row, intent.attempt_id, tolerant=self._tolerates_reuse(intent.integration), failure="unsettled"
            )
            self.log.warning("attempt_in_doubt", integration=intent.integration)
            return True
        return False

    def forget(self, record: AttemptRecord, *, unreadable: Collection[bytes] = ()) -> None:
        """Scrub a settled attempt, after its row no longer names this replica for it."""
        self.clear(record.intent, unreadable=unreadable)
        self.failpoints.reach("settle.before_scrub")
        self.attempt_log.scrub(record.intent.attempt_id)

    def clear(self, intent: Intent, *, unreadable: Collection[bytes] = ()) -> None:
        """Take this replica's name out of the row, unless it stands there for an attempt that is `unreadable`: it runs
        none there, and holds no other answer for it.
        """
        self.failpoints.reach("settle.before_clear")
        self.write_back.clear_owner(intent.shard, intent.token_key, self.owner, unreadable=unreadable)

    def settle_unrecorded(self, row: TokenRow, unreadable: Collection[bytes]) -> None:
        """Settle a row that names this replica, and of whose attempt no record opens.

        One of which the disk knows nothing was never sent; one whose record cannot be read may have been. While it is
        one of the `unreadable`, which may be read again, the row goes on to name this replica: nobody else tries.
        """
        if row.state is TokenState.REFRESHING and row.lease_owner == self.owner and row.attempt_id is not None:
            integration = row.binding.integration
            if row.attempt_id in unreadable or self.attempt_log.knows(row.attempt_id):
                tolerant = self._tolerates_reuse(integration)
                self.write_back.doubt(row, row.attempt_id, tolerant=tolerant, failure="unreadable")
                self.log.warning("attempt_in_doubt", integration=integration)
            else:
                self.write_back.release(row, row.attempt_id, wait=0, never_sent=True)
                self.log.info("attempt_never_sent", integration=integration)
        self.failpoints.reach("unrecorded.after_settle")
        self.write_back.clear_owner(row.shard, row.binding.token_key, self.owner, unreadable=unreadable)
