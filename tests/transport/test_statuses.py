"""One table, and it is total: every reason and every error has its status, and every status its fixed sentence."""

import inspect
import re
from collections.abc import Iterator

import pytest
from grpc import StatusCode

from mmt.v1 import error_reason_pb2
from mmt_grpc.domain import errors
from mmt_grpc.domain.errors import MmtError, Reason
from mmt_grpc.domain.model import ConnectOutcome, Liveness, Scope, Upstream
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.transport import enums
from mmt_grpc.transport.internal.errors import ERRORS
from mmt_grpc.transport.statuses import DEADLINE, INTERNAL, STATUSES, status_of
from tests.transport.samples import SAMPLES

CONTRACT = {
    "INVALID_REQUEST": StatusCode.INVALID_ARGUMENT,
    "INTEGRATION_UNKNOWN": StatusCode.INVALID_ARGUMENT,
    "TOKEN_NOT_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "CALLER_UNAUTHENTICATED": StatusCode.UNAUTHENTICATED,
    "CALLER_FORBIDDEN": StatusCode.PERMISSION_DENIED,
    "SCOPE_MISMATCH": StatusCode.PERMISSION_DENIED,
    "TOKEN_NOT_FOUND": StatusCode.NOT_FOUND,
    "REAUTHENTICATION_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "ACCOUNT_MISMATCH": StatusCode.FAILED_PRECONDITION,
    "GRANT_REJECTED": StatusCode.FAILED_PRECONDITION,
    "OTP_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "CREDENTIAL_UNREADABLE": StatusCode.DATA_LOSS,
    "PROVIDER_UNAVAILABLE": StatusCode.UNAVAILABLE,
    "STORE_UNAVAILABLE": StatusCode.UNAVAILABLE,
    "AUDIT_UNAVAILABLE": StatusCode.UNAVAILABLE,
    "PROVIDER_RATE_LIMITED": StatusCode.RESOURCE_EXHAUSTED,
    "OVERLOADED": StatusCode.RESOURCE_EXHAUSTED,
    "CONFLICT": StatusCode.ABORTED,
}


def concrete(error: type[MmtError] = MmtError) -> Iterator[type[MmtError]]:
    for kind in error.__subclasses__():
        if "reason" in dir(kind):
            yield kind
        yield from concrete(kind)


def test_every_reason_has_the_code_of_the_contract() -> None:
    assert {reason.value: status.code for reason, status in STATUSES.items()} == CONTRACT


def test_the_proto_names_exactly_the_reasons_of_the_domain() -> None:
    values = error_reason_pb2.ErrorReason.DESCRIPTOR.values
    on_the_wire = {value.name.removeprefix("ERROR_REASON_") for value in values}
    assert on_the_wire == {reason.value for reason in Reason} | {"UNSPECIFIED"}


def test_every_error_of_the_domain_has_a_status() -> None:
    assert {kind.reason for kind in concrete()} == set(Reason)
    assert set(STATUSES) == set(Reason)


def test_every_error_has_a_sample_for_the_other_tests() -> None:
    declared = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MmtError)}
    abstract = {MmtError, errors.CallerError, errors.UnavailableError}
    assert {type(sample) for sample in SAMPLES} == declared - abstract


def test_every_reason_can_be_read_back_from_the_exchanger() -> None:
    assert set(ERRORS) == set(Reason)


def test_sentences_are_fixed_and_different() -> None:
    sentences = [status.sentence for status in (*STATUSES.values(), DEADLINE, INTERNAL)]
    assert len(set(sentences)) == len(sentences)
    assert all(re.fullmatch(r"[A-Z][A-Za-z ,'-]+\.", sentence) for sentence in sentences)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_status_carries_its_errors_reason(sample: MmtError) -> None:
    assert status_of(sample).reason is sample.reason


def test_what_is_no_error_of_the_contract_has_no_reason() -> None:
    assert status_of(DeadlineError()) is DEADLINE
    assert status_of(ZeroDivisionError()) is INTERNAL
    assert DEADLINE.reason is None
    assert INTERNAL.reason is None


def test_enums_are_spelled_in_full() -> None:
    assert set(enums.SCOPES) == set(Scope)
    assert set(enums.OUTCOMES) == set(ConnectOutcome)
    assert set(enums.UPSTREAMS) == set(Upstream)
    assert set(enums.PROGRESSES) == set(Progress)
    assert set(enums.LIVENESSES) == set(Liveness)
    assert all(int(domain) == int(wire) for domain, wire in enums.SCOPES.items())
    assert all(int(domain) == int(wire) for domain, wire in enums.OUTCOMES.items())
    assert all(int(domain) == int(wire) for domain, wire in enums.UPSTREAMS.items())
    assert all(int(domain) == int(wire) for domain, wire in enums.PROGRESSES.items())
