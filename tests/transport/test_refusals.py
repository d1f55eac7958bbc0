"""What a caller is told: a code, a fixed sentence, a reason, when to try again; and never a word of an exception."""

from typing import Any

import grpc
import pytest
from google.rpc import code_pb2  # type: ignore[import-untyped]  # it ships no py.typed

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError, MmtError, ProviderUnavailableError, UnavailableError, Violation
from mmt_grpc.domain.model import ConnectOutcome, Scope
from mmt_grpc.domain.verbs import ConnectResult, DeadlineError
from mmt_grpc.transport.rich_error import MAX_VIOLATIONS
from mmt_grpc.transport.statuses import DEADLINE, INTERNAL, STATUSES
from tests.transport.samples import SAMPLES
from tests.transport.served import Client, Refusal, Served, refusal_of
from tests.transport.stand_ins import GOOD, TOKEN_ID

CANARY = "refresh_token=CANARY-7f3a"


def revoke(client: Client) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        client.tokens.Revoke(pb.RevokeRequest(token_id=TOKEN_ID), metadata=GOOD)
    return refusal_of(caught.value)


def failing(served: Served, error: BaseException) -> None:
    def act(_: str) -> Any:
        raise error

    served.verbs.act = act


@pytest.mark.parametrize("error", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_an_error_of_the_domain_is_told_by_the_table(served: Served, client: Client, error: MmtError) -> None:
    failing(served, error)
    refusal = revoke(client)
    status = STATUSES[error.reason]
    assert (refusal.code, refusal.message) == (status.code, status.sentence)
    assert refusal.status is not None
    assert refusal.status.code == code_pb2.Code.Value(status.code.name)
    assert refusal.status.message == status.sentence
    assert (refusal.info.domain, refusal.info.reason) == ("mmt.v1", error.reason.value)
    assert dict(refusal.info.metadata) == dict(error.metadata)
    assert served.metrics.observed == [("Revoke", status.code.name, error.reason.value)]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_where_waiting_helps_and_only_there_it_is_said_how_long(
    served: Served, client: Client, error: MmtError
) -> None:
    failing(served, error)
    retry = revoke(client).retry
    assert (retry is not None) is isinstance(error, UnavailableError)
    if retry is not None:
        assert retry.retry_delay.ToMicroseconds() == round((error.retry_after or 0) * 1_000_000)


def test_violations_name_fields_and_say_what_is_wrong(served: Served, client: Client) -> None:
    failing(served, SAMPLES[0])
    assert revoke(client).violations == {"session.expire_time": "must lie ahead", "grant": "must be set"}


def test_no_number_of_violations_outgrows_what_a_client_accepts(served: Served, client: Client) -> None:
    failing(served, InvalidRequestError(*(Violation(f"field_{i}", "x" * 100) for i in range(1000))))
    refusal = revoke(client)
    assert refusal.reason == "INVALID_REQUEST"
    assert len(refusal.violations) == MAX_VIOLATIONS


def test_scopes_and_causes_are_enum_names() -> None:
    metadata = [dict(error.metadata) for error in SAMPLES if error.metadata]
    assert metadata == [
        {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"},
        {"cause": "ROTATION_LOST", "integration": "coinbase"},
    ]


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError(CANARY)

    __repr__ = __str__


@pytest.mark.parametrize(
    "error",
    [RuntimeError(CANARY), KeyError(CANARY), UnprintableError(CANARY), grpc.RpcError(CANARY), OSError(1, CANARY)],
)
def test_a_bug_is_one_fixed_sentence_without_a_reason(
    served: Served,
    client: Client,
    error: Exception,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing(served, error)
    refusal = revoke(client)
    assert (refusal.code, refusal.message) == (INTERNAL.code, INTERNAL.sentence)
    assert refusal.status is None
    [(event, fields)] = served.log.events
    assert event == "call_failed"
    assert fields["method"] == "Revoke"
    assert fields["error"] == type(error).__name__
    assert str(fields["at"]).split()[-1].startswith("tests.transport.test_refusals:")
    written = f"{served.log.events} {caplog.text} {''.join(capfd.readouterr())}"
    assert "CANARY" not in written
    assert served.metrics.observed == [("Revoke", "INTERNAL", None)]


def test_the_servers_own_deadline_has_no_reason_and_is_no_bug(served: Served, client: Client) -> None:
    failing(served, DeadlineError(CANARY))
    refusal = revoke(client)
    assert (refusal.code, refusal.message, refusal.status) == (DEADLINE.code, DEADLINE.sentence, None)
    assert served.log.events == []


def test_an_answer_that_does_not_serialise_is_a_bug_like_any_other(
    served: Served, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    lone_surrogate = ConnectResult(
        token_id=f"\ud800{CANARY}",
        outcome=ConnectOutcome.CREATED,
        integration="coinbase",
        scope=Scope.READ,
        expires_at=None,
        refreshable=False,
    )
    served.verbs.act = lambda _: lone_surrogate
    request = pb.ConnectRequest(end_user_id="u", integration="coinbase", session=nouns.Session(token="t"))
    with pytest.raises(grpc.RpcError) as caught:
        client.tokens.Connect(request, metadata=GOOD)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.message) == (INTERNAL.code, INTERNAL.sentence)
    assert [event for event, _ in served.log.events] == ["call_failed"]
    assert "CANARY" not in f"{served.log.events} {caplog.text}"


def test_an_unreadable_credential_raises_an_alarm(served: Served, client: Client) -> None:
    failing(served, next(error for error in SAMPLES if error.reason == "CREDENTIAL_UNREADABLE"))
    revoke(client)
    assert served.log.events == [("credential_unreadable", {"method": "Revoke"})]


def test_a_server_goes_on_after_a_bug(served: Served, client: Client) -> None:
    failing(served, RuntimeError(CANARY))
    revoke(client)
    served.verbs.act = None
    assert client.tokens.Revoke(pb.RevokeRequest(token_id=TOKEN_ID), metadata=GOOD).upstream


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300])
def test_an_error_that_cannot_be_told_is_a_bug(served: Served, client: Client, seconds: float) -> None:
    failing(served, ProviderUnavailableError(retry_after=seconds))
    refusal = revoke(client)
    assert (refusal.code, refusal.message, refusal.status) == (INTERNAL.code, INTERNAL.sentence, None)
    assert [event for event, _ in served.log.events] == ["call_failed"]


def test_a_time_to_wait_that_is_over_is_none(served: Served, client: Client) -> None:
    failing(served, ProviderUnavailableError(retry_after=-3))
    retry = revoke(client).retry
    assert retry is not None
    assert retry.retry_delay.ToMicroseconds() == 0
