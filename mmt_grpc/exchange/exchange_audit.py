"""The exchanger's own records of a Connect, under the call id of the worker's."""

from dataclasses import dataclass

from mmt_grpc.domain.auditing import FAILED, OK, REFUSED
from mmt_grpc.domain.errors import AuditUnavailableError, MmtError
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import ConnectOrder

METHOD = "Exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeAudit:
    """Intent before the grant is sent, outcome after it is committed."""

    audit: Audit
    log: EventLog

    def intend(self, order: ConnectOrder) -> None:
        """Write that a grant is about to be redeemed; raises `AuditUnavailableError`, and then it is not."""
        self.audit.write(_record(order, Phase.INTENT))

    def succeed(self, order: ConnectOrder, token_key: bytes) -> None:
        """Write that it was committed; what is committed cannot be refused any more, so a failure is an alarm only."""
        self._write(order, _record(order, Phase.OUTCOME, outcome=OK, token_key=token_key))

    def fail(self, order: ConnectOrder, error: MmtError | None) -> None:
        """Write that it was not; without an error that a caller is told, it was a bug."""
        record = _record(order, Phase.OUTCOME, outcome=FAILED if error is None else REFUSED, error=error)
        self._write(order, record)

    def _write(self, order: ConnectOrder, record: AuditRecord) -> None:
        try:
            self.audit.write(record)
        except AuditUnavailableError:
            self.log.error("audit_lost_an_outcome", integration=order.identity.integration)


def _record(
    order: ConnectOrder,
    phase: Phase,
    *,
    outcome: str | None = None,
    token_key: bytes | None = None,
    error: MmtError | None = None,
) -> AuditRecord:
    return AuditRecord(
        call_id=order.context.call_id,
        caller=order.context.caller,
        client_id=order.identity.client_id,
        method=METHOD,
        phase=phase,
        token_key=token_key,
        integration=order.identity.integration,
        outcome=outcome,
        reason=None if error is None else error.reason,
    )
