"""The remembered Connect requests: each is sent once, and its answer given again for 24 hours."""

import enum
from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS, ConnectOutcome
from mmt_grpc.domain.ports.store import ConnectRequest, RecordedRequest
from mmt_grpc.store import events
from mmt_grpc.store.events import PURGED_AT_ONCE
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError, Fault, StatementError
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import Row

REMEMBERED_FOR: Final = 24 * 60 * 60 * MICROSECONDS


class RequestState(enum.IntEnum):
    """The numbers of `state`; the port speaks of their names."""

    PENDING = 1
    DONE = 2
    REJECTED = 3


_COLUMNS: Final = "request_key, content_mac, owner, life, state, shard, token_key, outcome, created_at"
_INSERT: Final = (
    f"INSERT INTO connect_request ({_COLUMNS}) VALUES (:request_key, :content_mac, :owner, :life, "
    f"{RequestState.PENDING.value}, NULL, NULL, NULL, {{now}})"
)
_READ: Final = f"SELECT {_COLUMNS}, {{now}} FROM connect_request WHERE request_key = :request_key"
_FORGET: Final = "DELETE FROM connect_request WHERE request_key = :request_key AND created_at = :created_at"
_THIS_PENDING: Final = (
    "WHERE request_key = :request_key AND owner = :owner AND life = :life AND content_mac = :content_mac "
    f"AND state = {RequestState.PENDING.value}"
)
_REJECT: Final = f"UPDATE connect_request SET state = {RequestState.REJECTED.value} {_THIS_PENDING}"
_WITHDRAW: Final = f"DELETE FROM connect_request {_THIS_PENDING}"
_FINISH: Final = (
    f"UPDATE connect_request SET state = {RequestState.DONE.value}, shard = :shard, token_key = :token_key, "
    f"outcome = :outcome {_THIS_PENDING}"
)
_PENDING_BEFORE: Final = (
    "SELECT request_key, content_mac, owner, life FROM connect_request "
    f"WHERE owner = :owner AND life <> :life AND state = {RequestState.PENDING.value}"
)
_OLD: Final = "SELECT request_key, created_at FROM connect_request WHERE created_at < :oldest LIMIT :row_limit"


def finish(session: Session, request: ConnectRequest, *, shard: int, token_key: bytes, outcome: ConnectOutcome) -> bool:
    """Set a request DONE in the transaction that is open; False if it is no longer PENDING."""
    return bool(session.change(_FINISH, **_values(request), shard=shard, token_key=token_key, outcome=int(outcome)))


class PeeweeRequests:
    """The part of `ConnectRows` that keeps requests."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def begin(self, request: ConnectRequest) -> RecordedRequest | None:
        def work(session: Session) -> RecordedRequest | None:
            recorded = _insert(session, request)
            if recorded is not None:
                row, now = recorded
                if row.created_at >= now - REMEMBERED_FOR:
                    return row
                session.change(_FORGET, request_key=request.request_key, created_at=row.created_at)
                recorded = _insert(session, request)
            return recorded[0] if recorded is not None else None

        return self._execution.write(work)

    def read_request(self, request_key: bytes) -> RecordedRequest | None:
        row = self._execution.read(lambda session: session.row(_READ, request_key=request_key))
        return None if row is None else _recorded(row)

    def reject(self, request: ConnectRequest) -> bool:
        return self._execution.write(lambda session: bool(session.change(_REJECT, **_values(request))))

    def withdraw(self, request: ConnectRequest) -> bool:
        return self._execution.write(lambda session: bool(session.change(_WITHDRAW, **_values(request))))

    def pending_requests(self, owner: bytes, *, except_life: bytes) -> Sequence[ConnectRequest]:
        rows = self._execution.read(lambda session: session.rows(_PENDING_BEFORE, owner=owner, life=except_life))
        return [ConnectRequest(*row) for row in rows]

    def purge_requests(self) -> int:
        return self._execution.write(_purge) + self._execution.write(events.purge)


def _insert(session: Session, request: ConnectRequest) -> tuple[RecordedRequest, int] | None:
    """INSERT, or return what is in the way and the database's time."""
    try:
        session.change(_INSERT, **_values(request))
    except DuplicateError:
        row = session.row(_READ, request_key=request.request_key)
        if row is None:  # deleted in between: nothing is in the way any more
            raise StatementError(fault=Fault.NOT_APPLIED, kind="DuplicateError", number=None) from None
        return _recorded(row), row[-1]
    return None


def _purge(session: Session) -> int:
    oldest = session.now() - REMEMBERED_FOR
    rows = session.rows(_OLD, oldest=oldest, row_limit=PURGED_AT_ONCE)
    for request_key, created_at in rows:
        session.change(_FORGET, request_key=request_key, created_at=created_at)
    return len(rows)


def _values(request: ConnectRequest) -> dict[str, object]:
    return {
        "request_key": request.request_key,
        "content_mac": request.content_mac,
        "owner": request.owner,
        "life": request.life,
    }


def _recorded(row: Row) -> RecordedRequest:
    request_key, content_mac, owner, life, state, shard, token_key, outcome, created_at = row[:9]
    return RecordedRequest(
        request=ConnectRequest(request_key, content_mac, owner, life),
        state=RequestState(state).name,
        shard=shard,
        token_key=token_key,
        outcome=None if outcome is None else ConnectOutcome(outcome),
        created_at=created_at,
    )
