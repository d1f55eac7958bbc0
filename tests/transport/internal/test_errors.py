"""An exchanger's refusals reach the worker as they were raised; what cannot be read is unavailability."""

from typing import Any, cast

import grpc
import pytest

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError, MmtError, ProviderUnavailableError, Reason
from mmt_grpc.domain.model import Upstream
from mmt_grpc.transport.internal.errors import error_of
from mmt_grpc.transport.rich_error import details_of
from mmt_grpc.transport.sanitise import sanitised
from mmt_grpc.transport.statuses import ExchangerFailedError
from tests.transport.internal.wired import PATIENCE, complete, wired
from tests.transport.samples import SAMPLES
from tests.transport.stand_ins import RecordingLog

AS_THEY_ARE = [error for error in SAMPLES if error.reason is not Reason.CALLER_UNAUTHENTICATED]


def raising(error: BaseException) -> Any:
    def act(_: str) -> None:
        raise error

    return act


def what_varies(error: MmtError) -> tuple[Any, ...]:
    violations = tuple(error.violations) if isinstance(error, InvalidRequestError) else ()
    return error.reason, dict(error.metadata), error.retry_after, violations


@pytest.mark.parametrize("error", AS_THEY_ARE, ids=lambda sample: type(sample).__name__)
def test_an_error_comes_back_as_it_was_raised(error: MmtError) -> None:
    with wired() as parts:
        parts.exchanger.act = raising(error)
        with pytest.raises(MmtError) as caught:
            complete(parts.worker)
    assert what_varies(caught.value) == what_varies(error)


def test_a_bug_of_the_exchanger_tells_its_worker_nothing() -> None:
    with wired() as parts:
        parts.exchanger.act = raising(RuntimeError("refresh_token=CANARY"))
        with pytest.raises(ExchangerFailedError) as caught:
            complete(parts.worker)
        assert "CANARY" not in f"{caught.value!r} {caught.value.__cause__!r} {parts.log.events}"
        [(event, fields)] = parts.log.events
        assert (event, fields["method"], fields["error"]) == ("call_failed", "CompleteRevocation", "RuntimeError")


def test_it_is_a_failure_of_the_server_and_nothing_that_passes_for_an_outage_to_a_caller() -> None:
    def fail(_: object, __: grpc.ServicerContext) -> None:
        raise ExchangerFailedError

    told: list[Any] = []

    class Context:
        def set_trailing_metadata(self, metadata: object) -> None:
            told.append(metadata)

        def abort(self, code: grpc.StatusCode, sentence: str) -> None:
            told.append((code, sentence))

    log, context = RecordingLog(), Context()
    sanitised("Connect", fail, log=log)(None, cast("grpc.ServicerContext", context))

    assert told == [(grpc.StatusCode.INTERNAL, "The server failed to answer.")]
    assert [event for event, _ in log.events] == ["call_failed"]


def test_whoever_has_something_alive_is_served_it_as_if_the_exchanger_were_away() -> None:
    assert isinstance(ExchangerFailedError(), ProviderUnavailableError)


def test_a_failure_that_is_no_call_is_unavailability() -> None:
    assert isinstance(error_of(grpc.RpcError()), ProviderUnavailableError)


class Failure(grpc.RpcError, grpc.Call):
    def __init__(self, details: bytes | str) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return ""

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._details),)


# A call has many more methods, none of which is asked here.
Failure.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(
    "details",
    [b"", b"\xff\xff", "text", details_of(SAMPLES[0])[:-5], details_of(SAMPLES[0]).replace(b"INVALID_", b"UNHEARD_")],
)
def test_details_that_cannot_be_read_are_unavailability(details: bytes | str) -> None:
    failure: Any = Failure
    assert isinstance(error_of(failure(details)), ProviderUnavailableError)


def test_an_answer_of_another_version_is_unavailability() -> None:
    with wired() as parts, pytest.raises(ProviderUnavailableError):
        parts.worker._call(
            parts.worker._stub.CompleteRevocation, pb.CompleteRevocationRequest(), PATIENCE, lambda _: Upstream(99)
        )
