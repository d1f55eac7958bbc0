"""One attempt to refresh one row: lease, intent, connect, send, answer, commit. What was sent is never sent again."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.auditing import FAILED, OK
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider, ProviderError
from mmt_grpc.domain.ports.sealing import OpenedToken
from mmt_grpc.domain.ports.store import SettlementRows
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import LEASE, TokenRow, TokenState
from mmt_grpc.exchange import backoff
from mmt_grpc.exchange.admission import Admission
from mmt_grpc.exchange.attempt_records import Answer, AttemptLog, Intent
from mmt_grpc.exchange.disk import Disk
from mmt_grpc.exchange.fitness import Fitness
from mmt_grpc.exchange.settlement import Settlement, Verdict
from mmt_grpc.exchange.write_back import WriteBack

LATEST_SEND: Final = 15 * MICROSECONDS
"""A POST is written less than this after its lease was asked for, or not at all."""
ID_BYTES: Final = 16
UNKEPT_PAUSE: Final = MICROSECONDS
LOST_THE_RACE: Final = "lost_the_race"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Runs attempts under this replica's name, 16 random bytes that its state directory keeps."""

    owner: bytes
    rows: SettlementRows
    clock: Clock
    randomness: Randomness
    attempt_log: AttemptLog
    disk: Disk
    fitness: Fitness
    settlement: Settlement
    write_back: WriteBack
    failpoints: Failpoints
    log: EventLog

    def run(self, provider: Provider, row: TokenRow, opened: OpenedToken, admission: Admission) -> str:
        """Refresh a row that was ACTIVE, or IN_DOUBT where a retry is allowed; return the ending, in a word.

        `admission` is told how the provider answered, if anything was sent or should have been.
        """
        if opened.renewal is None:
            raise CredentialUnreadableError
        attempt_id = self.randomness.random_bytes(ID_BYTES)
        began = self.clock.elapsed()
        self.failpoints.reach("refresh.before_lease")
        leased_at = self._lease(provider, row, attempt_id)
        if leased_at is None:
            return LOST_THE_RACE
        lease = _Lease(provider, row, admission, attempt_id, began, leased_at, self.clock.elapsed())
        # By a clock that has jumped whoever is waited for may seem to be gone: what it lets be leased is not sent.
        self.fitness.database_clock.glance(leased_at, (began, lease.taken))
        self.failpoints.reach("refresh.after_lease")
        ending = self._under(lease, opened.renewal)
        self.log.info("refresh", integration=provider.name, outcome=ending)
        return ending

    def _lease(self, provider: Provider, row: TokenRow, attempt_id: bytes) -> int | None:
        """Take the lease; if that is not known, the row itself says whose it is."""
        try:
            if row.state is TokenState.IN_DOUBT:
                return self.rows.lease_doubt(
                    row,
                    attempt_id=attempt_id,
                    owner=self.owner,
                    lease_for=LEASE,
                    tolerant=provider.tolerates_reuse,
                )
            return self.rows.lease(row, attempt_id=attempt_id, owner=self.owner, lease_for=LEASE)
        except StoreOutcomeUnknownError:
            seen = self.write_back.read_back(row.shard, row.binding.token_key)
            if seen is None or seen.attempt_id != attempt_id or seen.lease_until is None:
                return None
            return seen.lease_until - LEASE

    def _under(self, lease: "_Lease", renewal: Secret) -> str:
        """Go from the lease to the end, whatever it is; the intent is on disk before anything is sent."""
        intent = lease.intent()
        try:
            self.attempt_log.intend(intent)
        except StoreUnavailableError:
            self.disk.failed()
            return self._put_back(lease, None, never_sent=True, failure="disk_failed")
        self.failpoints.reach("refresh.after_intent")
        ending = self._sent(lease, intent, renewal)
        self.failpoints.reach("refresh.before_scrub")
        # A name that was there before stands for what this replica has not settled yet: only settling takes it out.
        if not ending.holds_answer and self.owner not in {lease.row.doubt_owner, lease.row.lease_owner}:
            self.write_back.clear_owner(intent.shard, intent.token_key, self.owner)
        if not ending.keeps_record:
            self._scrub(intent)
        return ending.word

    def _sent(self, lease: "_Lease", intent: Intent, renewal: Secret) -> "_Ending":
        try:
            channel = lease.provider.open_refresh()
        except ProviderError as error:
            lease.admission.learn(error)
            return _Ending(self._put_back(lease, error, never_sent=True, failure=word(error)))
        try:
            self.failpoints.reach("refresh.before_send")
            sent = self.clock.elapsed()
            if sent - lease.began >= LATEST_SEND:
                return _Ending(self._put_back(lease, None, never_sent=True, failure="too_late_to_send"))
            if not self.fitness.may_lease():
                # The lease may have been taken of a database that has just lost another's: its connection was new.
                return _Ending(self._put_back(lease, None, never_sent=True, failure="held_back"))
            try:
                issued = channel.refresh(renewal)
            except ProviderError as error:
                lease.admission.learn(error)
                return self._failed(lease, error)
            lease.admission.learn(None)
        finally:
            channel.close()
        self.failpoints.reach("refresh.after_answer")
        return self._keep(lease, intent, issued, sent_at=lease.leased_at + sent - lease.taken)

    def _failed(self, lease: "_Lease", error: ProviderError) -> "_Ending":
        self.failpoints.reach("refresh.after_refusal")
        if error.failure is Failure.AMBIGUOUS:
            return self._doubt(lease, word(error))
        # A provider that is doubted, and may be refusing everybody, condemns nobody: its trials only show how it is.
        if error.failure is Failure.PERMANENT and not lease.admission.is_trial:
            self.write_back.condemn(lease.row, lease.attempt_id)
            self.failpoints.reach("refresh.after_condemn")
            return _Ending("reauthentication_required")
        never_sent = error.failure is Failure.NOT_SENT
        return _Ending(self._put_back(lease, error, never_sent=never_sent, failure=word(error)))

    def _doubt(self, lease: "_Lease", failure: str) -> "_Ending":
        """Write that the outcome is unknown. A failover may take that back: the intent says so for a while."""
        tolerant = lease.provider.tolerates_reuse
        self.write_back.doubt(lease.row, lease.attempt_id, tolerant=tolerant, failure=failure)
        self.failpoints.reach("refresh.after_doubt")
        return _Ending("in_doubt", keeps_record=True)

    def _put_back(self, lease: "_Lease", error: ProviderError | None, *, never_sent: bool, failure: str) -> str:
        wait = backoff.wait_after(error, failures=lease.row.failures, randomness=self.randomness)
        self.write_back.release(lease.row, lease.attempt_id, wait=wait, never_sent=never_sent, failure=failure)
        self.failpoints.reach("refresh.after_release")
        return "not_sent" if never_sent else "not_consumed"

    def _keep(self, lease: "_Lease", intent: Intent, issued: Issued, *, sent_at: int) -> "_Ending":
        """Put the answer on disk before anybody is told, then commit it; a disk that fails now loses no token."""
        answer = Answer.of(issued, sent_at=sent_at)
        if answer is None:
            return self._doubt(lease, "no_bearer_token")
        try:
            self.attempt_log.answer(intent, answer)
            kept = True
        except StoreUnavailableError:
            self.disk.failed()
            kept = False
        self.failpoints.reach("refresh.before_commit")
        verdict = self.settlement.apply(intent, answer)
        while not kept and not verdict.is_final:
            # Nothing but this thread has the answer.
            self.clock.sleep(UNKEPT_PAUSE)
            self._end_lapsed(lease)
            verdict = self.settlement.apply(intent, answer)
        self.failpoints.reach("refresh.after_commit")
        # A failover may take back a commit, and a Connect that has overtaken an answer.
        holds_answer = kept and verdict not in {Verdict.GONE, Verdict.DEAD}
        return _Ending(verdict.value, keeps_record=holds_answer, holds_answer=holds_answer)

    def _end_lapsed(self, lease: "_Lease") -> None:
        """Put in doubt what a failover has left in the way of an answer: this thread keeps its own process from it."""
        row = self.write_back.read_back(lease.row.shard, lease.row.binding.token_key)
        if row is None or row.attempt_id is None or row.attempt_id == lease.attempt_id:
            return
        if self.fitness.database_clock.is_trusted and row.lease_is_over(self.write_back.now()):
            tolerant = lease.provider.tolerates_reuse
            self.write_back.doubt(row, row.attempt_id, tolerant=tolerant, failure="lease_over")

    def _scrub(self, intent: Intent) -> None:
        try:
            self.attempt_log.scrub(intent.attempt_id)
        except StoreUnavailableError:
            self.disk.failed()


@dataclass(frozen=True, slots=True)
class _Lease:
    """A row leased for one request to its provider.

    `began` before it was asked for (that bounds the POST), `taken` after it was had (so an expiry is only early); both
    elapsed microseconds. `leased_at` is the database's time.
    """

    provider: Provider
    row: TokenRow
    admission: Admission
    attempt_id: bytes
    began: int
    leased_at: int
    taken: int

    def intent(self) -> Intent:
        """Return what is written down before anything is sent."""
        binding = self.row.binding
        return Intent(
            attempt_id=self.attempt_id,
            shard=self.row.shard,
            token_key=binding.token_key,
            integration=binding.integration,
            generation=binding.generation,
            connected_at=self.row.connected_at,
            leased_at=self.leased_at,
            grant_number=self.row.grant_number,
        )


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an attempt ended; a committed answer's record is kept for a while, one that waits until it is settled."""

    word: str
    keeps_record: bool = False
    holds_answer: bool = False


def word(error: ProviderError) -> str:
    """Return the word for a failure that the row keeps for operators."""
    return "rate_limited" if error.rate_limited else error.failure.value


def outcome_of(ending: str) -> str:
    """Return the audit's word for an ending."""
    return OK if ending == Verdict.COMMITTED.value else FAILED
