"""What a failed Connect costs: a code that may have been spent is never sent again, any other one may be."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import (
    GrantRejectedError,
    OtpRequiredError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    StoreUnavailableError,
)
from tests.support.fakes_exchange_faults import LOST_ANSWER, LOST_REQUEST, NOT_SENT, OUTAGE, Fault, limited
from tests.support.fakes_world import Client, World


@pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
def test_a_code_whose_fate_is_unknown_is_rejected_and_never_sent_again(
    world: World, client: Client, fault: Fault
) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", fault)

    for _ in range(2):
        with pytest.raises(GrantRejectedError) as refusal:
            client.connect("alice", code, request_id="request-1")
        assert refusal.value.retry_after is None

    assert world.coinbase.counts["exchanges"] == int(fault.done)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NOT_SENT, ProviderUnavailableError),
        (OUTAGE, ProviderUnavailableError),
        (limited(7), ProviderRateLimitedError),
    ],
)
def test_a_grant_that_was_not_spent_may_be_sent_again_under_the_same_id(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", fault)
    with pytest.raises(expected):
        client.connect("alice", code, request_id="request-1")

    world.pass_time(fault.retry_after or 0)
    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_login_that_wants_a_one_time_password_may_be_repeated_with_it(world: World, client: Client) -> None:
    login = world.binance.add_user("alice", otp="123456")
    with pytest.raises(OtpRequiredError):
        client.connect("alice", replace(login, otp=None), integration="binance", request_id="request-1")

    assert client.connect("alice", login, integration="binance", request_id="request-1").token_id


@pytest.mark.parametrize(
    "method", ["now", "read_identity", "contains"], ids=["the clock", "the row", "the ledger of a known identity"]
)
def test_a_store_that_fails_before_anything_is_sent_costs_no_code(world: World, client: Client, method: str) -> None:
    client.connect("alice", world.coinbase.authorize("alice"))
    code = world.coinbase.authorize("alice")
    world.weather.refuse(method)
    with pytest.raises(StoreUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert client.connect("alice", code, request_id="request-1").token_id


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_insert_of_the_request_costs_no_code(world: World, client: Client, *, applied: bool) -> None:
    code = world.coinbase.authorize("alice")
    world.weather.lose("begin", applied=applied)

    assert client.connect("alice", code, request_id="request-1").token_id


def test_a_request_that_could_not_be_withdrawn_may_still_be_repeated(world: World, client: Client) -> None:
    code = world.coinbase.authorize("alice")
    world.coinbase.strike("redeem", OUTAGE)
    world.weather.refuse("withdraw")
    with pytest.raises(ProviderUnavailableError):
        client.connect("alice", code, request_id="request-1")

    assert client.connect("alice", code, request_id="request-1").token_id
