"""What each method answers when all is well."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.model import ApiKeyPair, AuthorizationCode, Scope, Upstream
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import DEFAULT_MIN_VALIDITY, ConnectCommand, Resolved, ResolveQuery, Revoked
from tests.transport.served import Client, Served
from tests.transport.stand_ins import GOOD, TOKEN_ID

CODE = nouns.AuthorizationCode(code="c-1", redirect_uri="https://a.example/cb", code_verifier="v-1")


def test_a_connect_reaches_its_verb_and_is_answered_in_full(served: Served, client: Client) -> None:
    request = pb.ConnectRequest(
        end_user_id="u-1", integration="coinbase", scope=nouns.SCOPE_READ, request_id="r-1", authorization_code=CODE
    )
    response = client.tokens.Connect(request, metadata=GOOD)
    assert response == pb.ConnectResponse(
        token_id=TOKEN_ID,
        outcome=nouns.CONNECT_OUTCOME_CREATED,
        integration="coinbase",
        scope=nouns.SCOPE_READ,
        expire_time=Timestamp(seconds=1_800_000_000, nanos=123_456_000),
        refreshable=True,
    )
    [(_, call, command)] = served.verbs.calls
    assert call.client_id == "client-1"
    assert call.caller.name == "key-1"
    assert command == ConnectCommand(
        end_user_id="u-1",
        integration="coinbase",
        scope=Scope.READ,
        request_id="r-1",
        allow_account_change=False,
        grant=AuthorizationCode(Secret("c-1"), "https://a.example/cb", Secret("v-1")),
    )


def test_an_unspecified_scope_is_left_to_the_verb(served: Served, client: Client) -> None:
    client.tokens.Connect(
        pb.ConnectRequest(end_user_id="u-1", integration="coinbase", authorization_code=CODE), metadata=GOOD
    )
    [(_, _, command)] = served.verbs.calls
    assert command.scope is None
    assert command.request_id is None


def test_a_resolve_is_answered_with_the_credential(served: Served, client: Client) -> None:
    request = pb.ResolveRequest(token_id=TOKEN_ID.upper(), required_scope=nouns.SCOPE_READ)
    response = client.tokens.Resolve(request, metadata=GOOD)
    assert response == pb.ResolveResponse(
        bearer_token=nouns.BearerToken(access_token="access-token"),
        integration="coinbase",
        scope=nouns.SCOPE_READ,
        use_until=Timestamp(seconds=1_700_000_060),
        generation=7,
    )
    [(_, _, query)] = served.verbs.calls
    assert query == ResolveQuery(TOKEN_ID, None, Scope.READ, DEFAULT_MIN_VALIDITY, None)


def test_an_explicit_zero_is_not_an_unset_validity(served: Served, client: Client) -> None:
    request = pb.ResolveRequest(
        token_id=TOKEN_ID, required_scope=nouns.SCOPE_READ, min_validity=Duration(), rejected_generation=0
    )
    client.tokens.Resolve(request, metadata=GOOD)
    [(_, _, query)] = served.verbs.calls
    assert query.min_validity == 0
    assert query.rejected_generation == 0


def test_an_api_key_is_answered_as_one(served: Served, client: Client) -> None:
    served.verbs.act = lambda _: Resolved(
        credential=ApiKeyPair(Secret("k"), Secret("s")),
        integration="binance",
        scope=Scope.WRITE,
        expires_at=1,
        use_until=1,
        generation=1,
    )
    response = client.tokens.Resolve(
        pb.ResolveRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_READ), metadata=GOOD
    )
    assert response.api_key == nouns.ApiKey(key="k", secret="s")
    assert response.expire_time == Timestamp(nanos=1000)


def test_a_revoke_says_what_the_exchange_said(served: Served, client: Client) -> None:
    served.verbs.act = lambda _: Revoked(1_700_000_000_000_000, Upstream.FAILED)
    response = client.tokens.Revoke(pb.RevokeRequest(token_id=TOKEN_ID, client_id="client-1"), metadata=GOOD)
    assert response == pb.RevokeResponse(revoke_time=Timestamp(seconds=1_700_000_000), upstream=nouns.UPSTREAM_FAILED)


def test_a_scope_is_checked(served: Served, client: Client) -> None:
    response = client.tokens.CheckScope(
        pb.CheckScopeRequest(token_id=TOKEN_ID, required_scope=nouns.SCOPE_WRITE), metadata=GOOD
    )
    assert response == pb.CheckScopeResponse(allowed=True, granted_scope=nouns.SCOPE_WRITE)
    [(verb, _, arguments)] = served.verbs.calls
    assert (verb, arguments) == ("check_scope", (TOKEN_ID, Scope.WRITE))


def test_every_finished_call_is_observed_once(served: Served, client: Client) -> None:
    client.tokens.Revoke(pb.RevokeRequest(token_id=TOKEN_ID), metadata=GOOD)
    assert served.metrics.observed == [("Revoke", "OK", None)]


def test_a_call_has_an_id_of_its_own(served: Served, client: Client) -> None:
    for _ in range(3):
        client.tokens.Revoke(pb.RevokeRequest(token_id=TOKEN_ID), metadata=GOOD)
    assert len({call.call_id for _, call, _ in served.verbs.calls}) == 3
