"""How a call of the service failed, as its caller sees it."""

from collections.abc import Mapping, Sequence
from typing import Final

import grpc
from google.protobuf.message import DecodeError

from mmt_grpc.domain.errors import Reason, Violation
from mmt_grpc.transport.rich_error import DOMAIN, Details
from mmt_grpc.transport.statuses import DEADLINE, STATUSES

_SENTENCES: Final[Mapping[grpc.StatusCode, str]] = {
    DEADLINE.code: DEADLINE.sentence,
    grpc.StatusCode.UNAVAILABLE: "The server cannot be reached.",
    grpc.StatusCode.UNIMPLEMENTED: "The server does not offer this.",
}
"""What is said of a call that failed without a reason of the contract."""


class CallFailedError(Exception):
    """A call that did not succeed.

    `reason` is one of the contract, None where there is none (the server is not there, the deadline has passed, …);
    `metadata`, `violations` and `retry_after` (seconds, None: waiting does not help) go with it. The text is put
    together from this program's own sentences: nothing that came over the wire is in it.
    """

    def __init__(
        self,
        *,
        code: grpc.StatusCode,
        reason: Reason | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.reason = reason
        self.metadata: Mapping[str, str] = metadata or {}
        self.violations = violations
        self.retry_after = retry_after
        super().__init__(f"{reason.value if reason else code.name}: {self.sentence}")

    @property
    def sentence(self) -> str:
        """What happened, in one fixed sentence."""
        if self.reason is not None:
            return STATUSES[self.reason].sentence
        return _SENTENCES.get(self.code, "The call failed.")


def failure_of(error: grpc.RpcError) -> CallFailedError:
    """Return what a failed call says; details that are garbled, or of another service, count for nothing."""
    # grpcio raises objects that are both, which its stubs hold impossible.
    call: object = error
    if not isinstance(call, grpc.Call):
        return CallFailedError(code=grpc.StatusCode.UNKNOWN)
    code = call.code()
    try:
        details = Details(call.trailing_metadata() or ())
        if details.info.domain != DOMAIN:
            return CallFailedError(code=code)
        reason = Reason(details.info.reason)
    except (DecodeError, ValueError):
        return CallFailedError(code=code)
    return CallFailedError(
        code=code,
        reason=reason,
        metadata={_plain(name): _plain(value) for name, value in details.info.metadata.items()},
        violations=[
            Violation(_plain(violation.field), _plain(violation.description))
            for violation in details.bad_request.field_violations
        ],
        retry_after=details.retry,
    )


def _plain(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)
