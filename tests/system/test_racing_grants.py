"""Grants that come twice, together or again: one is redeemed, and one connection stands."""

import grpc

from mmt.v1 import token_service_pb2 as pb
from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.service import Service, someone


def test_two_grants_in_one_request_are_one_the_last(service: Service) -> None:
    """The wire lets both arrive; protobuf keeps the last, and what was there of the first is not used."""
    code, user = service.code("coinbase", someone("account")), someone()
    first = pb.ConnectRequest(end_user_id=user, integration="coinbase", oauth_tokens={"access_token": "never used"})
    last = pb.ConnectRequest(scope=READ, authorization_code=code)
    body = first.SerializeToString() + last.SerializeToString()
    answer = pb.ConnectResponse.FromString(service.write.raw("Connect", body))
    assert token_of(service.write.resolve(answer.token_id)) != "never used"


def test_two_grants_of_one_user_that_race_leave_one_connection_that_works(either: Service) -> None:
    user, account = someone(), someone("account")
    requests = [
        pb.ConnectRequest(
            end_user_id=user, integration="coinbase", scope=READ, authorization_code=either.code("coinbase", account)
        )
        for _ in range(8)
    ]
    caller = either.write
    calls = [caller.stub.Connect.future(request, metadata=caller.metadata, timeout=30) for request in requests]
    ids, reasons = set(), set()
    for call in calls:
        try:
            ids.add(call.result().token_id)
        except grpc.RpcError as error:
            reasons.add(Refused(error).reason)
    assert len(ids) == 1
    assert reasons <= {"CONFLICT"}
    assert either.is_live("coinbase", account, token_of(caller.resolve(ids.pop())))


def test_a_code_sent_twice_is_redeemed_once_and_answered_alike(either: Service) -> None:
    user, account = someone(), someone("account")
    code = either.code("coinbase", account)
    first = either.write.connect(user, "coinbase", READ, authorization_code=code)
    assert either.write.connect(user, "coinbase", READ, authorization_code=code) == first
    assert either.books("coinbase", account)["exchanges"] == 1
    assert either.is_live("coinbase", account, token_of(either.write.resolve(first.token_id)))


def test_a_code_sent_again_for_another_user_is_not_this_users(either: Service) -> None:
    account = someone("account")
    code = either.code("coinbase", account)
    token_id = either.write.connect(someone(), "coinbase", READ, authorization_code=code).token_id
    refused = refusal(lambda: either.write.connect(someone(), "coinbase", READ, authorization_code=code))
    assert refused.reason in {"GRANT_REJECTED", "INVALID_REQUEST"}
    assert either.is_live("coinbase", account, token_of(either.write.resolve(token_id)))


def test_a_request_id_with_other_content_is_an_invalid_request(either: Service) -> None:
    user, account, request_id = someone(), someone("account"), someone("request")
    one, other = either.code("coinbase", account), either.code("coinbase", account)
    either.write.connect(user, "coinbase", READ, request_id=request_id, authorization_code=one)
    refused = refusal(
        lambda: either.write.connect(user, "coinbase", READ, request_id=request_id, authorization_code=other)
    )
    assert refused.reason == "INVALID_REQUEST"
    assert refused.violations == ["request_id"]
    assert either.books("coinbase", account)["exchanges"] == 1
