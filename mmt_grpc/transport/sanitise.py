"""The outermost interceptor: every exception becomes a status of the one table, and no text of it leaves."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import grpc

from mmt_grpc.domain.errors import MmtError, Reason
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.transport.failure_place import failure_place
from mmt_grpc.transport.rich_error import DETAILS_KEY, details_of
from mmt_grpc.transport.statuses import INTERNAL, Status, status_of

Request = TypeVar("Request")
Response = TypeVar("Response")
Behaviour: TypeAlias = Callable[[Request, grpc.ServicerContext], Response]
"""How grpcio calls a unary method."""


def sanitised(method: str, inner: Behaviour[Request, Response], *, log: EventLog) -> Behaviour[Request, Response]:
    """Wrap a method so that its exceptions end the call by their status; bugs are logged by class and place alone."""

    def sanitise(request: Request, context: grpc.ServicerContext) -> Response:
        try:
            return inner(request, context)
        except Exception as error:  # noqa: BLE001  # nothing may pass: grpcio would send its text to the caller
            status, details = _ending(error)
            _report(log, method, error, status)
        # Outside the except clause: grpcio's own exception of `abort` must not carry ours as its context.
        if details is not None:
            context.set_trailing_metadata(((DETAILS_KEY, details),))
        return context.abort(status.code, status.sentence)

    return sanitise


def _ending(error: Exception) -> tuple[Status, bytes | None]:
    try:
        status = status_of(error)
        # What has no reason on the wire carries none in its details either.
        return status, details_of(error) if isinstance(error, MmtError) and status.reason is not None else None
    except Exception:  # noqa: BLE001  # an error that cannot be told is a bug, and its text must not be told either
        return INTERNAL, None


def _report(log: EventLog, method: str, error: Exception, status: Status) -> None:
    if status is INTERNAL:
        log.error("call_failed", method=method, error=type(error).__name__, at=failure_place(error.__traceback__))
    elif status.reason is Reason.CREDENTIAL_UNREADABLE:
        log.error("credential_unreadable", method=method)
