"""The outermost interceptor: every exception becomes a status of the one table, and no text of it leaves."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import grpc

from mmt_grpc.domain.errors import MmtError, Reason
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.transport.failure_place import failure_place
from mmt_grpc.transport.rich_error import DETAILS_KEY, details_of
from mmt_grpc.transport.statuses import INTERNAL, status_of

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
            status = status_of(error)
            details = details_of(error) if isinstance(error, MmtError) else None
            _report(log, method, error)
        # Outside the except clause: grpcio's own exception of `abort` must not carry ours as its context.
        if details is not None:
            context.set_trailing_metadata(((DETAILS_KEY, details),))
        return context.abort(status.code, status.sentence)

    return sanitise


def _report(log: EventLog, method: str, error: Exception) -> None:
    if status_of(error) is INTERNAL:
        log.error("call_failed", method=method, error=type(error).__name__, at=failure_place(error.__traceback__))
    elif isinstance(error, MmtError) and error.reason is Reason.CREDENTIAL_UNREADABLE:
        log.error("credential_unreadable", method=method)
