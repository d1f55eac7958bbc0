"""Every OAuth integration keeps the same promises: Coinbase, Uphold, and one that only the settings know."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mmt_grpc.domain.model import AuthorizationCode, BearerToken, Liveness, OAuthTokens, Scope, Upstream
from mmt_grpc.domain.ports.providers import Failure, Issued, Provider, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.registry import ConfiguredProviders
from tests.providers.acme import revoke
from tests.providers.conftest import FURTHER
from tests.support.exchange import Exchange


@dataclass(frozen=True)
class User:
    """Somebody at one of the exchanges, and the provider that is asked about them."""

    provider: Provider
    exchange: Exchange
    account: str

    def code(self, scope: Scope = Scope.READ) -> AuthorizationCode:
        return self.exchange.code(self.provider.name, self.account, scope.name.lower())

    def connect(self, scope: Scope = Scope.READ) -> Issued:
        return self.provider.redeem(self.code(scope), scope)

    def meets(self, fault: str, times: int = 1, **more: object) -> None:
        self.exchange.fault(self.provider.name, self.account, fault, times, **more)

    def withdraws(self) -> None:
        self.exchange.end(self.provider.name, self.account)

    @property
    def books(self) -> Any:
        return self.exchange.books(self.provider.name, self.account)


@pytest.fixture(params=["coinbase", "uphold", FURTHER])
def user(request: pytest.FixtureRequest, providers: ConfiguredProviders, exchange: Exchange) -> User:
    return User(providers.get(request.param), exchange, f"user-{uuid.uuid4()}")


def refresh(provider: Provider, renewal: Secret | None) -> Issued:
    assert renewal is not None
    channel = provider.open_refresh()
    try:
        return channel.refresh(renewal)
    finally:
        channel.close()


def failure_of(action: Callable[[], object]) -> Failure:
    with pytest.raises(ProviderError) as caught:
        action()
    return caught.value.failure


@pytest.mark.parametrize("scope", list(Scope))
def test_a_code_brings_tokens_that_cover_the_scope(user: User, scope: Scope) -> None:
    issued = user.connect(scope)

    assert isinstance(issued.credential, BearerToken)
    assert issued.renewal is not None
    assert issued.expires_in in {3599.0, 3600.0}
    assert user.provider.covers(issued.granted_scopes or (), scope)


def test_a_read_grant_does_not_cover_writing(user: User) -> None:
    granted = user.connect(Scope.READ).granted_scopes
    assert granted is not None
    assert not user.provider.covers(granted, Scope.WRITE)


def test_a_code_sent_twice_is_refused(user: User) -> None:
    code = user.code()
    user.provider.redeem(code, Scope.READ)
    assert failure_of(lambda: user.provider.redeem(code, Scope.READ)) is Failure.PERMANENT


def test_a_code_nobody_gave_is_refused(user: User) -> None:
    code = AuthorizationCode(Secret("x\r\nHost: evil&client_id=other"), "https://app.example/cb", Secret("v" * 43))
    assert failure_of(lambda: user.provider.redeem(code, Scope.READ)) is Failure.PERMANENT


def test_the_account_is_learned_from_the_settings_path(user: User) -> None:
    assert user.provider.read_account(user.connect().credential) == user.account


def test_a_refresh_token_is_exchanged_for_new_ones(user: User) -> None:
    first = user.connect()
    second = refresh(user.provider, first.renewal)

    assert second.credential != first.credential
    assert second.renewal is not None
    assert second.renewal != first.renewal
    assert user.provider.probe(second.credential) is Liveness.ALIVE


def test_a_spent_refresh_token_is_dead_and_not_an_outage(user: User) -> None:
    first = user.connect()
    refresh(user.provider, first.renewal)
    assert failure_of(lambda: refresh(user.provider, first.renewal)) is Failure.PERMANENT


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("lost_answer", Failure.AMBIGUOUS),
        ("garbage", Failure.AMBIGUOUS),
        ("bad_gateway", Failure.AMBIGUOUS),
        ("rate_limit", Failure.NOT_CONSUMED),
        ("unavailable", Failure.NOT_CONSUMED),
        ("invalid_grant", Failure.PERMANENT),
        ("invalid_client", Failure.OUR_OUTAGE),
    ],
)
def test_each_fault_of_a_refresh_has_its_class_and_is_not_repeated(
    user: User, retries: list[object], fault: str, failure: Failure
) -> None:
    issued = user.connect()
    user.meets(fault, endpoint="token")

    assert failure_of(lambda: refresh(user.provider, issued.renewal)) is failure
    assert retries == []


def test_a_missing_lifetime_is_not_said(user: User) -> None:
    user.meets("no_expires_in")
    assert user.connect().expires_in is None


def test_a_code_is_sent_again_after_an_unavailable_answer(user: User, retries: list[tuple[str, Failure, int]]) -> None:
    user.meets("unavailable")
    assert user.connect().renewal is not None
    assert retries == [(user.provider.name, Failure.NOT_CONSUMED, 1)]


def test_a_code_is_never_sent_again_after_a_lost_answer(user: User, retries: list[object]) -> None:
    user.meets("lost_answer")

    assert failure_of(user.connect) is Failure.AMBIGUOUS
    assert user.books["exchanges"] == 1
    assert retries == []


def test_a_channel_is_good_for_one_refresh(user: User) -> None:
    renewal = user.connect().renewal
    assert renewal is not None
    channel = user.provider.open_refresh()
    brought = channel.refresh(renewal)
    assert brought.renewal is not None
    assert failure_of(lambda: channel.refresh(renewal)) is Failure.NOT_SENT


def test_a_revoked_token_was_alive_before_and_is_refused_after(user: User) -> None:
    issued = user.connect()

    assert revoke(user.provider, issued.credential, issued.renewal) is Upstream.REVOKED
    assert user.provider.probe(issued.credential) is Liveness.DEAD
    assert user.books["live"] == []


def test_an_exchange_that_lies_about_a_revocation_is_not_believed(user: User) -> None:
    issued = user.connect()
    user.meets("revoke_lies", times=2)
    assert revoke(user.provider, issued.credential, issued.renewal) is Upstream.FAILED


def test_revoking_what_is_dead_already_is_accepted_and_not_called_verified(user: User) -> None:
    issued = user.connect()
    user.withdraws()
    assert revoke(user.provider, issued.credential, issued.renewal) is Upstream.ACCEPTED


def test_a_token_of_a_user_who_withdrew_access_is_dead(user: User) -> None:
    issued = user.connect()
    user.withdraws()

    assert user.provider.probe(issued.credential) is Liveness.DEAD
    assert failure_of(lambda: user.provider.read_account(issued.credential)) is Failure.PERMANENT


def test_an_account_lookup_refused_for_lack_of_permission_learns_none(user: User) -> None:
    issued = user.connect()
    user.meets("forbidden", endpoint="account")
    assert user.provider.read_account(issued.credential) is None


@pytest.mark.parametrize("fault", ["rate_limit", "bad_gateway", "garbage"])
def test_a_lookup_that_fails_consumed_nothing(user: User, fault: str) -> None:
    issued = user.connect()
    user.meets(fault, endpoint="account", times=3)

    with pytest.raises(ProviderError) as caught:
        user.provider.read_account(issued.credential)
    assert (caught.value.failure, caught.value.rate_limited) == (Failure.NOT_CONSUMED, fault == "rate_limit")


def test_ready_tokens_come_back_as_they_are(user: User) -> None:
    grant = OAuthTokens(Secret("access"), Secret("renewal"), 1_800_000_000_000_000, ("a", "b"))
    issued = user.provider.redeem(grant, Scope.READ)

    # How long a refresh token lives is the exchange's to say, or its documents'.
    assert replace(issued, renewal_expires_in=None) == Issued(
        BearerToken(grant.access_token), grant.refresh_token, None, ("a", "b"), expires_at=grant.expires_at
    )


def test_no_error_carries_what_was_sent(user: User, caplog: pytest.LogCaptureFixture) -> None:
    code = AuthorizationCode(Secret("canary-code"), "https://app.example/cb", Secret("canary-verifier"))
    with pytest.raises(ProviderError) as caught:
        user.provider.redeem(code, Scope.READ)

    assert str(caught.value) == f"{user.provider.name}: permanent"
    assert "canary" not in repr(caught.value.__dict__) + caplog.text
