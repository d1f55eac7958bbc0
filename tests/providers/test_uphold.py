"""What is peculiar to Uphold, at the sandbox."""

import uuid

import pytest

from mmt_grpc.domain.model import Liveness, Scope
from mmt_grpc.domain.ports.providers import Failure, Provider, ProviderError
from mmt_grpc.providers.registry import ConfiguredProviders
from tests.support.exchange import Exchange


@pytest.fixture
def uphold(providers: ConfiguredProviders) -> Provider:
    return providers.get("uphold")


@pytest.fixture
def account() -> str:
    return f"user-{uuid.uuid4()}"


def test_a_token_without_an_end_has_no_refresh_token(uphold: Provider, exchange: Exchange, account: str) -> None:
    issued = uphold.redeem(exchange.code("uphold", account, refreshable=False), Scope.READ)

    assert (issued.expires_in, issued.renewal) == (None, None)
    assert uphold.probe(issued.credential) is Liveness.ALIVE


def test_a_second_factor_is_not_the_end_of_a_token(uphold: Provider, exchange: Exchange, account: str) -> None:
    issued = uphold.redeem(exchange.code("uphold", account), Scope.READ)
    exchange.fault("uphold", account, "otp_required", endpoint="account", times=2)

    assert uphold.probe(issued.credential) is Liveness.ALIVE
    assert uphold.read_account(issued.credential) is None


def test_a_second_factor_is_not_the_end_of_a_refresh_token(uphold: Provider, exchange: Exchange, account: str) -> None:
    issued = uphold.redeem(exchange.code("uphold", account), Scope.READ)
    assert issued.renewal is not None
    exchange.fault("uphold", account, "otp_required", endpoint="token")

    channel = uphold.open_refresh()
    with pytest.raises(ProviderError) as caught:
        channel.refresh(issued.renewal)
    assert caught.value.failure is Failure.OTP_REQUIRED


def test_the_limit_says_how_long_to_wait(uphold: Provider, exchange: Exchange, account: str) -> None:
    code = exchange.code("uphold", account)
    exchange.fault("uphold", account, "rate_limit", endpoint="token", seconds=240)

    with pytest.raises(ProviderError) as caught:
        uphold.redeem(code, Scope.READ)
    limited = caught.value
    assert (limited.failure, limited.rate_limited, limited.retry_after) == (Failure.NOT_CONSUMED, True, 240.0)
