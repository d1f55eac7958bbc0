"""How a verb's calls stand in the audit log: one record before, or one after, always the same fields."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.errors import MmtError, Reason
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.verbs import Call

OK = "ok"
REFUSED = "refused"
FAILED = "failed"


@dataclass(slots=True)
class Trail:
    """The records of one call: what is learned on the way is added with `know`."""

    audit: Audit
    record: AuditRecord

    def know(self, **facts: object) -> None:
        """Add fields of `AuditRecord` that have become known."""
        self.record = replace(self.record, **facts)  # type: ignore[arg-type]  # the names are AuditRecord's own

    def intend(self) -> None:
        """Write that something is about to be changed."""
        self.audit.write(replace(self.record, phase=Phase.INTENT))

    def succeed(self) -> None:
        """Write that it was done, or that a credential leaves now."""
        self.audit.write(replace(self.record, phase=Phase.OUTCOME, outcome=OK))

    def fail(self, outcome: str, reason: Reason | None) -> None:
        """Write that it was not."""
        self.audit.write(replace(self.record, phase=Phase.OUTCOME, outcome=outcome, reason=reason))


@contextlib.contextmanager
def trail(audit: Audit, call: Call, method: Method) -> Iterator[Trail]:
    """Audit a call: every refusal and failure inside leaves its record; success is for the verb to write in time."""
    record = AuditRecord(
        call_id=call.call_id,
        caller=call.caller.name,
        client_id=call.client_id,
        method=method.value,
        phase=Phase.OUTCOME,
    )
    entries = Trail(audit, record)
    try:
        yield entries
    except MmtError as error:
        if error.reason is not Reason.AUDIT_UNAVAILABLE:
            entries.fail(REFUSED, error.reason)
        raise
    except Exception:
        entries.fail(FAILED, None)
        raise
