"""What is peculiar to Coinbase, at the sandbox."""

import uuid

import pytest

from mmt_grpc.domain.model import Liveness, Scope
from mmt_grpc.domain.ports.providers import Failure, Provider, ProviderError
from mmt_grpc.providers.registry import ConfiguredProviders
from tests.support.exchange import Exchange


@pytest.fixture
def coinbase(providers: ConfiguredProviders) -> Provider:
    return providers.get("coinbase")


@pytest.fixture
def account() -> str:
    return f"user-{uuid.uuid4()}"


def test_a_second_factor_is_not_the_end_of_a_token(coinbase: Provider, exchange: Exchange, account: str) -> None:
    issued = coinbase.redeem(exchange.code("coinbase", account), Scope.READ)
    exchange.fault("coinbase", account, "otp_required", endpoint="account", times=2)

    assert coinbase.probe(issued.credential) is Liveness.ALIVE
    assert coinbase.read_account(issued.credential) is None


def test_a_second_factor_is_not_the_end_of_a_refresh_token(
    coinbase: Provider, exchange: Exchange, account: str
) -> None:
    issued = coinbase.redeem(exchange.code("coinbase", account), Scope.READ)
    assert issued.renewal is not None
    exchange.fault("coinbase", account, "otp_required", endpoint="token")

    channel = coinbase.open_refresh()
    with pytest.raises(ProviderError) as caught:
        channel.refresh(issued.renewal)
    assert caught.value.failure is Failure.OTP_REQUIRED


def test_the_granted_scopes_can_be_asked_for(coinbase: Provider, exchange: Exchange, account: str) -> None:
    issued = coinbase.redeem(exchange.code("coinbase", account, scope_in_answer=False), Scope.READ)

    assert issued.granted_scopes is None
    assert coinbase.covers(coinbase.read_granted_scopes(issued.credential) or (), Scope.READ)


def test_a_user_may_grant_fewer_scopes_than_asked(coinbase: Provider, exchange: Exchange, account: str) -> None:
    code = exchange.code("coinbase", account, granted_scopes=["wallet:user:read"])
    granted = coinbase.redeem(code, Scope.READ).granted_scopes

    assert granted is not None
    assert not coinbase.covers(granted, Scope.READ)


def test_the_refresh_token_lives_a_year_and_a_half(coinbase: Provider, exchange: Exchange, account: str) -> None:
    issued = coinbase.redeem(exchange.code("coinbase", account), Scope.READ)
    assert issued.renewal_expires_in == 1.5 * 365 * 24 * 3600


def test_a_grant_without_offline_access_has_no_refresh_token(
    coinbase: Provider, exchange: Exchange, account: str
) -> None:
    issued = coinbase.redeem(exchange.code("coinbase", account, refreshable=False), Scope.READ)
    assert (issued.renewal, issued.renewal_expires_in) == (None, None)
