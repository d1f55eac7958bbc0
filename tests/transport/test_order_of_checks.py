"""Caller, client, shape, in this order, before any verb is called; and refusals of known callers are audited."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.callers import Caller, Method
from mmt_grpc.domain.catalogue import Catalogue
from mmt_grpc.domain.errors import AuditUnavailableError, CallerForbiddenError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.audit import AuditRecord, Phase
from mmt_grpc.transport.arrival import Deadlines
from mmt_grpc.transport.bodies import Bodies
from mmt_grpc.transport.token_service import SERVICE, Chain, Interceptors
from tests.transport.served import Client, Refusal, Served, refusal_of, serving
from tests.transport.stand_ins import ALL_METHODS, GOOD, TOKEN_ID, BootClock, OneCaller, OsRandomness

METHODS = ["Connect", "Resolve", "Revoke", "CheckScope"]
UNPARSABLE = b"\x0a\xff"
WELL_FORMED = pb.RevokeRequest(token_id=TOKEN_ID).SerializeToString()


def refused(client: Client, method: str, body: bytes, metadata: tuple[tuple[str, str], ...] = GOOD) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        client.raw(method, body, metadata=metadata)
    return refusal_of(caught.value)


def caller(*clients: str, methods: frozenset[Method] = ALL_METHODS) -> OneCaller:
    return OneCaller(Caller("key-1", frozenset(clients), Scope.READ, methods))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [UNPARSABLE, b"", WELL_FORMED])
def test_strangers_learn_nothing_of_their_bodies(served: Served, client: Client, method: str, body: bytes) -> None:
    refusal = refused(client, method, body, (("authorization", "Bearer other"),))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED")
    assert refusal.violations == {}
    assert served.verbs.calls == []
    assert served.audit.records == []


@pytest.mark.parametrize("method", METHODS)
def test_an_unparsable_body_is_a_malformed_request(served: Served, client: Client, method: str) -> None:
    refusal = refused(client, method, UNPARSABLE)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert list(refusal.violations) == ["request"]
    assert served.verbs.calls == []


def test_text_that_is_not_utf8_is_unparsable(client: Client) -> None:
    body = b"\x12\x24" + b"\xff" * 36
    assert list(refused(client, "Revoke", body).violations) == ["request"]


def test_a_foreign_client_is_forbidden_before_the_shape_is_looked_at(served: Served, client: Client) -> None:
    body = pb.RevokeRequest(client_id="client-2", token_id="no id").SerializeToString()
    assert refused(client, "Revoke", body).reason == "CALLER_FORBIDDEN"
    assert served.verbs.calls == []


def test_an_overlong_client_is_foreign(client: Client) -> None:
    body = pb.RevokeRequest(client_id="c" * 60_000, token_id=TOKEN_ID).SerializeToString()
    assert refused(client, "Revoke", body).reason == "CALLER_FORBIDDEN"


def test_a_caller_of_several_clients_has_to_name_one(served: Served) -> None:
    served.authenticator = caller("client-1", "client-2")
    with serving(served) as client:
        assert list(refused(client, "Revoke", WELL_FORMED).violations) == ["client_id"]
        client.raw(
            "Revoke", pb.RevokeRequest(client_id="client-2", token_id=TOKEN_ID).SerializeToString(), metadata=GOOD
        )
    [(_, call, _)] = served.verbs.calls
    assert call.client_id == "client-2"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_the_caller_lacks_is_forbidden_whatever_the_body(served: Served, method: str) -> None:
    served.authenticator = caller("client-1", methods=ALL_METHODS - {Method(method)})
    with serving(served) as client:
        assert refused(client, method, UNPARSABLE).reason == "CALLER_FORBIDDEN"
    assert served.verbs.calls == []


def test_a_method_that_nobody_listed_is_refused_to_everybody(served: Served) -> None:
    interceptors = Interceptors(
        authenticator=served.authenticator,
        audit=served.audit,
        metrics=served.metrics,
        log=served.log,
        clock=BootClock(),
        randomness=OsRandomness(),
        bodies=Bodies(clock=BootClock()),
        deadlines=Deadlines(),
        max_calls=4,
        revoke_slots=1,
    )
    export = Chain(interceptors).around("Export", pb.RevokeRequest, lambda _call, _request: pb.RevokeResponse())
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": export}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            refusal = refused(Client(channel, port), "Export", WELL_FORMED)
    finally:
        server.stop(0).wait()
    assert refusal.reason == "CALLER_FORBIDDEN"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (UNPARSABLE, "INVALID_REQUEST"),
        (b"", "INVALID_REQUEST"),
        (pb.RevokeRequest(client_id="client-2").SerializeToString(), "CALLER_FORBIDDEN"),
    ],
)
def test_a_known_callers_refusal_is_audited(served: Served, client: Client, body: bytes, reason: str) -> None:
    refused(client, "Revoke", body)
    [record] = served.audit.records
    assert record == AuditRecord(
        call_id=record.call_id,
        caller="key-1",
        client_id="client-1",
        method="Revoke",
        phase=Phase.OUTCOME,
        outcome="refused",
        reason=record.reason,
    )
    assert (record.reason, len(record.call_id)) == (reason, 32)


def test_what_a_verb_refuses_is_the_verbs_to_audit(served: Served, client: Client) -> None:
    def act(_: str) -> None:
        raise CallerForbiddenError

    served.verbs.act = act
    refused(client, "Revoke", WELL_FORMED)
    assert served.audit.records == []


def test_a_refusal_that_cannot_be_audited_says_so(served: Served, client: Client) -> None:
    served.audit.error = AuditUnavailableError()
    assert refused(client, "Revoke", UNPARSABLE).reason == "AUDIT_UNAVAILABLE"


def test_the_whole_request_is_checked_at_once(client: Client) -> None:
    body = pb.ConnectRequest(integration="No", session=nouns.Session()).SerializeToString()
    assert set(refused(client, "Connect", body).violations) == {"end_user_id", "integration", "session.token"}


MALFORMED_GRANTS = [
    {},
    {"session": nouns.Session()},
    {"oauth_tokens": nouns.OAuthTokens(access_token="t", granted_scopes=["a b"])},
]


@pytest.mark.parametrize("grant", MALFORMED_GRANTS)
def test_a_name_that_holds_no_tokens_is_told_before_the_grant_is_looked_at(
    served: Served, grant: dict[str, Any]
) -> None:
    served.verbs.find_integration = Catalogue({}, frozenset({"metamask"})).find
    with serving(served) as client:
        wallet = pb.ConnectRequest(end_user_id="alice", integration="metamask", **grant).SerializeToString()
        assert refused(client, "Connect", wallet).reason == "TOKEN_NOT_REQUIRED"
        unknown = pb.ConnectRequest(end_user_id="alice", integration="kraken", **grant).SerializeToString()
        assert refused(client, "Connect", unknown).reason == "INTEGRATION_UNKNOWN"
        shapeless = pb.ConnectRequest(integration="metamask", **grant).SerializeToString()
        assert "end_user_id" in refused(client, "Connect", shapeless).violations
    assert [record.reason for record in served.audit.records] == [
        "TOKEN_NOT_REQUIRED",
        "INTEGRATION_UNKNOWN",
        "INVALID_REQUEST",
    ]
    assert served.verbs.calls == []
