"""Faults planted in the code on purpose: a simulation that finds none of them proves nothing."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from mmt_grpc.app.reinstatement import Reinstatement
from mmt_grpc.domain.model import Liveness
from mmt_grpc.domain.ports.store import Condemned
from mmt_grpc.domain.token_row import Refreshed, TokenRow
from mmt_grpc.exchange.asking import Asking
from mmt_grpc.exchange.attempt import Attempts
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.attempt_records import AttemptLog
from mmt_grpc.exchange.awaited import Awaited
from mmt_grpc.exchange.database_clock import DatabaseClock, Sighting
from mmt_grpc.exchange.recovery import Recovery
from mmt_grpc.exchange.settlement import Settlement
from mmt_grpc.exchange.settling import Settling
from mmt_grpc.exchange.write_back import WriteBack
from tests.simulation.system_calls import SimulatedOs
from tests.support.fake_registry import FakeReplicas
from tests.support.fake_reinstatement import FakeReinstatementRows
from tests.support.fake_row_states import settled
from tests.support.fake_settlement import FakeSettlementRows


@contextlib.contextmanager
def upsert() -> Iterator[None]:
    """A refresh's commit inserts the row that a Revoke has deleted."""
    original = FakeSettlementRows.commit_answer

    def commit(rows: FakeSettlementRows, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        rows.rows.setdefault((row.shard, row.binding.token_key), row)
        return original(rows, row, attempt_id=attempt_id, refreshed=refreshed)

    with patch.object(FakeSettlementRows, "commit_answer", commit):
        yield


@contextlib.contextmanager
def lost_guard() -> Iterator[None]:
    """A refresh's commit asks neither for the generation nor for the attempt."""

    def commit(rows: FakeSettlementRows, row: TokenRow, *, attempt_id: bytes, refreshed: Refreshed) -> bool:
        del attempt_id
        current = rows._current(row)
        if current is not None:
            rows._commit(current, refreshed)
        return current is not None

    with patch.object(FakeSettlementRows, "commit_answer", commit):
        yield


@contextlib.contextmanager
def early_release() -> Iterator[None]:
    """What is not known to have been refused goes back to ACTIVE."""

    def doubt(write_back: WriteBack, row: TokenRow, attempt_id: bytes, **_: object) -> None:
        write_back.release(row, attempt_id, wait=0, never_sent=True)

    with patch.object(WriteBack, "doubt", doubt):
        yield


@contextlib.contextmanager
def unprobed_replay() -> Iterator[None]:
    """An answer that others have overtaken is committed without asking whether it is alive."""
    with patch.object(Asking, "ask", lambda *_: Liveness.ALIVE):
        yield


@contextlib.contextmanager
def impatient_retry() -> Iterator[None]:
    """What is in doubt is tried again without asking whether the owner of the doubt is there."""
    with patch.object(FakeReplicas, "was_seen", lambda *_: False):
        yield


@contextlib.contextmanager
def intent_in_the_cache() -> Iterator[None]:
    """An intent is written, and not fsynced."""
    original, sync = AttemptFiles.intend, SimulatedOs.fsync
    writing: list[bool] = []

    def intend(files: AttemptFiles, intent: Any) -> None:
        writing.append(True)
        try:
            original(files, intent)
        finally:
            writing.pop()

    def fsync(simulated: SimulatedOs, descriptor: int) -> None:
        if not writing:
            sync(simulated, descriptor)

    with patch.object(AttemptFiles, "intend", intend), patch.object(SimulatedOs, "fsync", fsync):
        yield


@contextlib.contextmanager
def told_too_early() -> Iterator[None]:
    """An answer is committed first, and written to the disk afterwards."""

    class Later:
        """Keeps an answer until it has been told."""

        def __init__(self, attempt_log: AttemptLog) -> None:
            self._attempt_log = attempt_log

        def __getattr__(self, name: str) -> Any:
            return (lambda *_: None) if name == "answer" else getattr(self._attempt_log, name)

    original = Attempts._keep

    def keep(attempts: Attempts, lease: Any, intent: Any, issued: Any, *, sent_at: int) -> Any:
        late = replace(attempts, attempt_log=Later(attempts.attempt_log))
        return original(late, lease, intent, issued, sent_at=sent_at)

    with patch.object(Attempts, "_keep", keep):
        yield


@contextlib.contextmanager
def no_recovery() -> Iterator[None]:
    """After a failover leases are given at once."""
    closed = property(lambda _: False)
    with patch.object(FakeReplicas, "have_recovered", lambda *_: True), patch.object(Recovery, "is_open", closed):
        yield


@contextlib.contextmanager
def forgotten_intent() -> Iterator[None]:
    """What is in doubt is forgotten at once: a failover that takes the doubt back finds nothing sent."""

    def let_go(settling: Settling, record: Any, *, is_over: bool) -> None:
        del is_over
        settling.settlement.forget(record)

    original = Attempts._doubt

    def doubt(attempts: Attempts, lease: Any, failure: str) -> Any:
        return replace(original(attempts, lease, failure), keeps_record=False)

    with patch.object(Settling, "_let_go", let_go), patch.object(Attempts, "_doubt", doubt):
        yield


@contextlib.contextmanager
def forgotten_block() -> Iterator[None]:
    """A record that cannot be read now is taken for one that never can be."""
    original = Settlement.settle_unrecorded

    def settle(settlement: Settlement, row: TokenRow, unreadable: object) -> None:
        del unreadable
        original(settlement, row, frozenset())

    with patch.object(Settlement, "settle_unrecorded", settle):
        yield


@contextlib.contextmanager
def name_gone_too_early() -> Iterator[None]:
    """Once any record of a token is settled, its row names nobody, whatever answer waits beside that record."""

    def has_answer(awaited: Awaited, token_key: bytes) -> bool:
        del awaited, token_key
        return False

    with patch.object(Awaited, "has_answer", has_answer):
        yield


@contextlib.contextmanager
def blind_reinstatement() -> Iterator[None]:
    """After a bad day a row comes back though an earlier POST may have spent its token."""

    def reinstate(rows: FakeReinstatementRows, waits: Sequence[tuple[Condemned, int]]) -> Sequence[TokenRow]:
        found = [(one.row, wait) for one, wait in waits if one.row is not None]
        for row, wait in found:
            rows._put(settled(replace(row, next_refresh_at=rows.now() + wait)))
        return [row for row, _ in found]

    def may_come_back(reinstatement: Reinstatement, found: Condemned) -> bool:
        return not reinstatement.administration.ledger.contains(found.token_key)

    with (
        patch.object(FakeReinstatementRows, "reinstate", reinstate),
        patch.object(Reinstatement, "_may_come_back", may_come_back),
    ):
        yield


@contextlib.contextmanager
def absence_across_a_jump() -> Iterator[None]:
    """How long a replica was away is what the database's clock says, wherever it has jumped to."""

    def misdated(clock: DatabaseClock, seen: Sighting) -> Mapping[bytes, int]:
        del clock, seen
        return {}

    with patch.object(DatabaseClock, "misdated", misdated):
        yield


@contextlib.contextmanager
def doubt_ahead() -> Iterator[None]:
    """A doubt waits for the time that was written down for it, however far a clock that was wrong has put that."""
    with patch.object(TokenRow, "is_doubt_ahead", lambda *_: False):
        yield


PLANTED: Final[dict[str, Callable[[], contextlib.AbstractContextManager[None]]]] = {
    "a commit that inserts": upsert,
    "a commit without its guard": lost_guard,
    "an early release": early_release,
    "a replay without a probe": unprobed_replay,
    "a retry that asks for no owner": impatient_retry,
    "an intent that is not fsynced": intent_in_the_cache,
    "an answer told before it is kept": told_too_early,
    "no recovery after a failover": no_recovery,
    "an intent forgotten too early": forgotten_intent,
    "a bad block taken for no record": forgotten_block,
    "a name gone with an older record": name_gone_too_early,
    "a reinstatement of what was in doubt": blind_reinstatement,
    "an absence measured across a jump": absence_across_a_jump,
    "a doubt that began in the future": doubt_ahead,
}
"""Every planted fault by its name."""
