"""The interceptor that counts and times calls by what they end as."""

from typing import Final, Protocol

import grpc

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.transport.sanitise import Behaviour, Request, Response
from mmt_grpc.transport.statuses import status_of

OK: Final = grpc.StatusCode.OK.name


class CallMetrics(Protocol):
    """Where finished calls are counted; the values are names of the contract, so there are few of them."""

    def observe(self, method: str, code: str, reason: str | None, seconds: float) -> None:
        """Count a call of `method` that ended as `code` (`OK`, `NOT_FOUND`, …), and how long it took."""
        ...


def measured(
    method: str, inner: Behaviour[Request, Response], *, metrics: CallMetrics, clock: Clock
) -> Behaviour[Request, Response]:
    """Wrap a method so that each of its calls is observed once, however it ends."""

    def measure(request: Request, context: grpc.ServicerContext) -> Response:
        started = clock.elapsed()
        code, reason = OK, None
        try:
            return inner(request, context)
        except Exception as error:
            status = status_of(error)
            code, reason = status.code.name, status.reason and status.reason.value
            raise
        finally:
            metrics.observe(method, code, reason, (clock.elapsed() - started) / MICROSECONDS)

    return measure
