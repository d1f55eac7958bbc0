"""Errors as `google.rpc.Status` in `grpc-status-details-bin`: written for callers, read back from the exchanger."""

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # its package ships no py.typed
    BadRequest,
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status as RpcStatus  # type: ignore[import-untyped]  # as above

from mmt_grpc.domain.errors import InvalidRequestError, MmtError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.transport.statuses import status_of
from mmt_grpc.transport.times import duration, microseconds

DOMAIN: Final = "mmt.v1"
DETAILS_KEY: Final = "grpc-status-details-bin"
MAX_VIOLATIONS: Final = 32
"""More would outgrow the 8 KiB of metadata that a client accepts."""


def details_of(error: MmtError) -> bytes:
    """Return the serialised `google.rpc.Status` of an error of the contract."""
    status = status_of(error)
    rpc = RpcStatus(code=status.code.value[0], message=status.sentence)
    rpc.details.add().Pack(ErrorInfo(reason=error.reason.value, domain=DOMAIN, metadata=error.metadata))
    if error.retry_after is not None:
        rpc.details.add().Pack(RetryInfo(retry_delay=duration(max(0, round(error.retry_after * MICROSECONDS)))))
    if isinstance(error, InvalidRequestError):
        rpc.details.add().Pack(_bad_request(error))
    return bytes(rpc.SerializeToString())


def _bad_request(error: InvalidRequestError) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in error.violations[:MAX_VIOLATIONS]
        ]
    )


class Details:
    """The details of an error as received; without an `info.reason` if they are absent or garbled."""

    def __init__(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        self.info = ErrorInfo()
        self.retry: float | None = None
        self.bad_request = BadRequest()
        raw = next((value for key, value in metadata if key == DETAILS_KEY), b"")
        try:
            self._read(raw)
        except DecodeError:
            self.info = ErrorInfo()

    def _read(self, raw: str | bytes) -> None:
        rpc = RpcStatus()
        if isinstance(raw, bytes):
            rpc.ParseFromString(raw)
        for detail in rpc.details:
            detail.Unpack(self.info)
            detail.Unpack(self.bad_request)
            retry = RetryInfo()
            if detail.Unpack(retry):
                self.retry = microseconds(retry.retry_delay) / MICROSECONDS
