"""The exchanger's servicer, driven without a wire."""

from typing import Any

import grpc
import grpc_testing  # type: ignore[import-untyped]  # it ships no types
import pytest

from mmt.internal.v1 import exchanger_service_pb2 as pb
from mmt.v1 import managed_token_pb2 as nouns
from mmt_grpc.transport.internal.servicer import LONGEST_CONNECT, ExchangerServicer
from tests.transport.internal.wired import RecordingExchanger

SERVICE: Any = pb.DESCRIPTOR.services_by_name["ExchangerService"]
CONNECT = pb.ConnectRequest(
    client_id="c",
    end_user_id="u",
    integration="coinbase",
    scope=nouns.SCOPE_READ,
    session=nouns.Session(token="t"),
)


@pytest.fixture
def exchanger() -> RecordingExchanger:
    return RecordingExchanger()


@pytest.fixture
def wire(exchanger: RecordingExchanger) -> Any:
    servicers = {SERVICE: ExchangerServicer(exchanger=exchanger)}
    return grpc_testing.server_from_dictionary(servicers, grpc_testing.strict_real_time())


def ask(wire: Any, method: str, request: Any, timeout: float | None) -> Any:
    call = wire.invoke_unary_unary(SERVICE.methods_by_name[method], (), request, timeout)
    response, _, code, _ = call.termination()
    assert code is grpc.StatusCode.OK
    return response


def test_every_method_of_the_proto_is_served(wire: Any, exchanger: RecordingExchanger) -> None:
    requests = {
        "Connect": CONNECT,
        "Refresh": pb.RefreshRequest(),
        "Probe": pb.ProbeRequest(),
        "StageRevocation": pb.StageRevocationRequest(sealed=pb.SealedToken(scope=nouns.SCOPE_READ)),
        "CompleteRevocation": pb.CompleteRevocationRequest(),
    }
    assert set(requests) == set(SERVICE.methods_by_name)
    for method, request in requests.items():
        ask(wire, method, request, 5)
    assert [method for method, _ in exchanger.calls] == [
        "connect",
        "refresh",
        "probe",
        "stage_revocation",
        "complete_revocation",
    ]


def test_a_connect_of_a_very_patient_worker_has_its_bound(wire: Any, exchanger: RecordingExchanger) -> None:
    ask(wire, "Connect", CONNECT, 3600)
    assert exchanger.calls[0][1].time_left == LONGEST_CONNECT * 1_000_000
