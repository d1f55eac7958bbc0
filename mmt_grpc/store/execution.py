"""How statements are run: repeated where nothing was applied, and never where that is not known."""

import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, TypeVar

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.store.dialect import Turns
from mmt_grpc.store.faults import DuplicateError, Fault, StatementError
from mmt_grpc.store.pool import SessionPool
from mmt_grpc.store.session import Session

T = TypeVar("T")

ATTEMPTS: Final = 5
REPEAT_FOR: Final = 1.0
"""Seconds after which nothing is repeated any more: a statement that took that long is not to be run again."""
_FIRST_PAUSE: Final = 0.005
_REPEATABLE: Final = frozenset({Fault.NOT_APPLIED, Fault.READ_ONLY, Fault.LOST})
_BROKEN: Final = frozenset({Fault.READ_ONLY, Fault.LOST})
"""Only another connection may go on."""


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A statement that failed, for logs and metrics: nothing of its text or its data."""

    phase: str
    """`read`, `transaction` (nothing applied) or `commit`."""
    kind: str
    number: int | None


class _RepeatError(Exception):
    """Nothing was applied: once more."""


class Execution:
    """Runs work on pooled connections. Its errors are the domain's; what work raises itself undoes its transaction."""

    def __init__(
        self,
        *,
        pool: SessionPool,
        on_fault: Callable[[FaultReport], None] = lambda _: None,
        on_event: Callable[[str, str], None] = lambda _, __: None,
        turns: Turns = nullcontext,
        sleep: Callable[[float], None] = time.sleep,
        elapsed: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._pool = pool
        self._on_fault = on_fault
        self._on_event = on_event
        self._turns = turns
        self._sleep = sleep
        self._elapsed = elapsed

    def read(self, work: Callable[[Session], T]) -> T:
        """Run statements that only read; `StoreUnavailableError` if they cannot be answered."""
        return self._repeat(lambda: self._read(work))

    def write(self, work: Callable[[Session], T]) -> T:
        """Run work in one transaction and commit it.

        `StoreUnavailableError`: nothing was applied. `StoreOutcomeUnknownError`: the COMMIT may have been. Work may be
        run again, so it must do nothing but statements.
        """
        return self._repeat(lambda: self._write(work))

    def _repeat(self, once: Callable[[], T]) -> T:
        began = self._elapsed()
        for attempt in range(ATTEMPTS):
            try:
                return once()
            except _RepeatError:
                if self._elapsed() - began > REPEAT_FOR:
                    break
            # Jitter parts two that met, so that they do not meet again.
            self._sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
        raise StoreUnavailableError

    def _read(self, work: Callable[[Session], T]) -> T:
        session = self._pool.take()
        try:
            result = work(session)
        except StatementError as error:
            self._part(session, error.fault)
            raise self._unapplied("read", error) from None
        except BaseException:
            self._pool.discard(session)
            raise
        self._pool.give_back(session)
        return result

    def _write(self, work: Callable[[Session], T]) -> T:
        with self._turns():
            return self._transaction(work)

    def _transaction(self, work: Callable[[Session], T]) -> T:
        session = self._pool.take()
        try:
            session.begin()
            result = work(session)
        except StatementError as error:
            self._part(session, error.fault)
            raise self._unapplied("transaction", error) from None
        except BaseException:
            self._part(session, None)
            raise
        try:
            session.commit()
        except StatementError as error:
            self._part(session, error.fault)
            raise self._uncommitted(error) from None
        except BaseException:
            self._pool.discard(session)
            raise
        happened = tuple(session.happened)
        self._pool.give_back(session)
        for kind, integration in happened:
            self._on_event(kind, integration)
        return result

    def _part(self, session: Session, fault: Fault | None) -> None:
        """Undo what was begun and give the connection back, or throw away what broke."""
        if fault in _BROKEN:
            self._pool.discard_all(session)
            return
        try:
            session.rollback()
        except StatementError:
            self._pool.discard(session)
        else:
            self._pool.give_back(session)

    def _unapplied(self, phase: str, error: StatementError) -> Exception:
        """What failed before a COMMIT was sent is not applied, whatever the error."""
        if isinstance(error, DuplicateError):
            return error
        self._on_fault(FaultReport(phase, error.kind, error.number))
        return _RepeatError() if error.fault in _REPEATABLE else StoreUnavailableError()

    def _uncommitted(self, error: StatementError) -> Exception:
        self._on_fault(FaultReport("commit", error.kind, error.number))
        if error.fault in {Fault.NOT_APPLIED, Fault.READ_ONLY}:
            return _RepeatError()
        return StoreOutcomeUnknownError()
