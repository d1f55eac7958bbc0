"""Who may do what: every row of `access_matrix.csv`, asked of a running service."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.callers import API_KEY_METHODS, Method, admit
from mmt_grpc.domain.callers import Caller as DomainCaller
from mmt_grpc.domain.errors import CallerForbiddenError
from mmt_grpc.domain.model import Scope
from tests.support.clients import READ, WRITE, Refused, refusal, token_of
from tests.support.replica import running_serve
from tests.support.service import Service, running_service, someone

with (Path(__file__).parent / "access_matrix.csv").open(encoding="utf-8", newline="") as _file:
    ROWS: list[dict[str, str]] = list(csv.DictReader(_file))
SCOPES = {"": 0, "unspecified": 0, "read": READ, "write": WRITE}
UNKNOWN_CLIENT = "cl_0000000000000000"
NOT_A_SECRET = "A" * 43

Headers = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Stage:
    """Two clients with two keys each, tokens of the first one, and headers of all sorts of callers."""

    service: Service
    clients: Mapping[str, str]
    headers: Mapping[str, Headers]

    def client(self, row: Mapping[str, str]) -> str:
        own = "theirs" if row["caller"].startswith("theirs") else "ours"
        other = "ours" if own == "theirs" else "theirs"
        return {"empty": "", "own": self.clients[own], "other": self.clients[other], "unknown": UNKNOWN_CLIENT}[
            row["client"]
        ]

    def request(
        self, row: Mapping[str, str]
    ) -> pb.ConnectRequest | pb.ResolveRequest | pb.RevokeRequest | pb.CheckScopeRequest:
        client_id, scope = self.client(row), SCOPES[row["required"]]
        if row["method"] == "Connect":
            code = self.service.code("coinbase", someone("account"), "write")
            return pb.ConnectRequest(
                client_id=client_id,
                end_user_id=someone(),
                integration="coinbase",
                scope=nouns.Scope.Name(scope),
                authorization_code=code,
            )
        token_id, _ = self.service.connected(scope=SCOPES[row["token"]])
        if row["method"] == "Revoke":
            return pb.RevokeRequest(client_id=client_id, token_id=token_id)
        required = nouns.Scope.Name(scope)
        if row["method"] == "Resolve":
            return pb.ResolveRequest(client_id=client_id, token_id=token_id, required_scope=required)
        return pb.CheckScopeRequest(client_id=client_id, token_id=token_id, required_scope=required)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with running_service() as service:
        clients = {"ours": service.dev.client_id, "theirs": service.new_client()}
        ours = service.dev.api_keys
        disabled = service.new_key_record(clients["ours"], "write")
        service.mmt("api-keys", "disable", disabled["key_id"])
        keys = {
            "ours_read": ours["read"],
            "ours_write": ours["write"],
            "theirs_read": service.new_key(clients["theirs"], "read"),
            "theirs_write": service.new_key(clients["theirs"], "write"),
            "disabled": disabled["api_key"],
            "wrong_secret": f"{ours['write'][:20]}_{NOT_A_SECRET}",
            "unknown_key": f"mmt_0123456789abcdef_{NOT_A_SECRET}",
            "secret_of_another_key": ours["read"][:21] + ours["write"][21:],
        }
        headers: dict[str, Headers] = {name: [("authorization", f"Bearer {key}")] for name, key in keys.items()}
        good = f"Bearer {ours['write']}"
        headers |= {
            "nobody": [],
            "two_headers": [("authorization", good), ("authorization", good)],
            "empty_header": [("authorization", "")],
            "basic": [("authorization", good.replace("Bearer", "Basic"))],
            "no_scheme": [("authorization", ours["write"])],
            "two_spaces": [("authorization", good.replace(" ", "  "))],
            "trailing_text": [("authorization", f"{good}x")],
            "comma_list": [("authorization", f"{good}, {good}")],
            "binary_header": [("authorization-bin", good.encode())],
            "lower_case_scheme": [("authorization", good.replace("Bearer", "bearer"))],
        }
        yield Stage(service, clients, headers)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(value for value in row.values() if value))
def test_a_caller_gets_what_the_matrix_says(stage: Stage, row: dict[str, str]) -> None:
    assert outcome(stage, row) == row["expected"]


def outcome(stage: Stage, row: Mapping[str, str]) -> str:
    method = getattr(stage.service.write.stub, row["method"])
    request = stage.request(row)
    try:
        answer = stage.service.write.call(method, request, stage.headers[row["caller"]])
    except Refused as refused:
        assert refused.domain == "mmt.v1"  # noqa: PT017  # whatever the refusal is
        return refused.reason or refused.code.name
    if isinstance(answer, pb.CheckScopeResponse):
        return "allowed" if answer.allowed else "denied"
    return "OK"


def test_the_matrix_has_rows_for_every_method_of_the_service() -> None:
    methods = {method.name for method in pb.DESCRIPTOR.services_by_name["TokenService"].methods}
    for caller in {row["caller"] for row in ROWS} - {"lower_case_scheme"}:
        assert {row["method"] for row in ROWS if row["caller"] == caller} == methods
    assert methods == {method.value for method in Method}


@pytest.mark.parametrize("name", ["Reveal", "connect", "", "Resolve ", "BatchResolve"])
@pytest.mark.parametrize("scope", Scope)
def test_a_method_that_the_table_does_not_name_is_refused(scope: Scope, name: str) -> None:
    caller = DomainCaller("key", frozenset({"client"}), scope, API_KEY_METHODS[scope])
    with pytest.raises(CallerForbiddenError):
        admit(caller, name)


@pytest.mark.parametrize("method", Method)
def test_a_method_that_is_taken_out_of_a_callers_row_is_refused(method: Method) -> None:
    caller = DomainCaller("key", frozenset({"client"}), Scope.WRITE, frozenset(Method) - {method})
    with pytest.raises(CallerForbiddenError):
        admit(caller, method.value)


def test_a_disabled_key_ends_within_a_second_on_every_worker_and_replica(tmp_path: Path) -> None:
    with (
        running_service(tmp_path / "first", MMT_WORKERS="2") as service,
        running_serve(service.dev.config, tmp_path / "second") as replica,
    ):
        key = service.new_key_record(service.dev.client_id, "write")
        token_id, _ = service.connected()

        def everywhere(ask: Callable[[str], None]) -> None:
            for address in [service.dev.address] * 6 + [replica.address] * 3:
                ask(address)

        def accepted(address: str) -> None:
            with service.caller_at(address, key["api_key"]) as caller:
                assert token_of(caller.resolve(token_id))

        def refused(address: str) -> None:
            with service.caller_at(address, key["api_key"]) as caller:
                assert refusal(lambda: caller.resolve(token_id)).reason == "CALLER_UNAUTHENTICATED"

        everywhere(accepted)
        service.mmt("api-keys", "disable", key["key_id"])
        time.sleep(1)
        everywhere(refused)
        assert token_of(service.write.resolve(token_id))
