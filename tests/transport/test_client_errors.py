"""What a caller makes of the details of a failed call, whatever the other side put there."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # it ships no py.typed

from mmt_grpc.transport.client_errors import failure_of


class Failed(grpc.RpcError, grpc.Call):
    """A failed call with trailing metadata of the test's making."""

    def __init__(self, details: bytes) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.NOT_FOUND

    def details(self) -> str:
        return "a text of the server's"

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._details),)

    initial_metadata = trailing_metadata

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float:
        return 0.0

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:
        return callback is None


def status_with(**info: Any) -> bytes:
    status = status_pb2.Status()
    status.details.add().Pack(error_details_pb2.ErrorInfo(**info))
    return bytes(status.SerializeToString())


@pytest.mark.parametrize(
    "details",
    [
        b"\xff\xff\xff",
        b"",
        status_with(domain="another.service", reason="TOKEN_NOT_FOUND"),
        status_with(domain="mmt.v1", reason="A_REASON_OF_A_LATER_VERSION"),
    ],
    ids=["garbled", "none", "of another service", "of a later version"],
)
def test_details_that_say_nothing_known_leave_the_code(details: bytes) -> None:
    failure = failure_of(Failed(details))
    assert (failure.code, failure.reason, str(failure)) == (
        grpc.StatusCode.NOT_FOUND,
        None,
        "NOT_FOUND: The call failed.",
    )


def test_nothing_of_the_wire_reaches_a_terminal_as_a_command() -> None:
    failure = failure_of(
        Failed(status_with(domain="mmt.v1", reason="SCOPE_MISMATCH", metadata={"granted_scope": "\x1b[2Jx\r"}))
    )
    assert failure.metadata == {"granted_scope": "�[2Jx�"}
