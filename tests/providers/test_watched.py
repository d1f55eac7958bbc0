"""What operators are shown of requests to providers: each that was sent, by how it ended, and nothing that it held."""

import pytest

from mmt_grpc.domain.model import BearerToken, Grant, Liveness, OAuthTokens, Scope, SessionGrant, Upstream
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import LoginOptions, OAuthOptions
from mmt_grpc.providers.watched import WatchedProvider, operations_of
from mmt_grpc.telemetry.metrics import OPERATIONS, REQUEST_OUTCOMES
from tests.providers.acme import revoke
from tests.support.fakes_clock import ManualClock
from tests.support.fakes_exchange import FakeExchange
from tests.support.fakes_exchange_faults import Fault
from tests.support.fakes_provider import FakeProvider

ALL = ("account", "scopes", "probe", "revoke")
CREDENTIAL = BearerToken(Secret("access"))


class Watch:
    """`RequestObserver` that remembers, with the provider it watches and a clock that each look moves by a second."""

    def __init__(self, operations: tuple[str, ...] = ALL) -> None:
        self.told: list[tuple[str, str, str, float]] = []
        self.exchange = FakeExchange(name="coinbase", clock=ManualClock())
        self._seconds = 0.0
        self.provider = WatchedProvider(
            provider=FakeProvider(exchange=self.exchange), operations=operations, observer=self, elapsed=self._elapsed
        )

    def request_ended(self, integration: str, operation: str, outcome: str, seconds: float) -> None:
        self.told.append((integration, operation, outcome, seconds))

    def _elapsed(self) -> float:
        self._seconds += 1
        return self._seconds

    @property
    def ends(self) -> list[tuple[str, str]]:
        return [(operation, outcome) for _, operation, outcome, _ in self.told]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_grant_and_its_look_ups_are_counted(watch: Watch) -> None:
    issued = watch.provider.redeem(watch.exchange.authorize("alice"), Scope.READ)
    watch.provider.read_account(issued.credential)
    watch.provider.read_granted_scopes(issued.credential)

    assert watch.told == [("coinbase", operation, "ok", 1.0) for operation in ("redeem", "account", "scopes")]


def test_a_refresh_is_timed_with_its_connection(watch: Watch) -> None:
    issued = watch.provider.redeem(watch.exchange.authorize("alice"), Scope.READ)
    assert issued.renewal is not None
    channel = watch.provider.open_refresh()
    channel.refresh(issued.renewal)
    channel.close()

    assert watch.told[1:] == [("coinbase", "refresh", "ok", 2.0)]


@pytest.mark.parametrize("failure", list(Failure))
def test_failures_are_counted_by_what_became_of_the_request(watch: Watch, failure: Failure) -> None:
    watch.exchange.strike("account", Fault(failure))

    with pytest.raises(ProviderError):
        watch.provider.read_account(CREDENTIAL)

    assert watch.ends == [("account", failure.value)]


def test_a_limit_and_a_connection_that_fails_are_told_apart(watch: Watch) -> None:
    watch.exchange.strike("probe", Fault(Failure.NOT_CONSUMED, rate_limited=True))
    watch.exchange.strike("connect", Fault(Failure.NOT_SENT))
    with pytest.raises(ProviderError):
        watch.provider.probe(CREDENTIAL)
    with pytest.raises(ProviderError):
        watch.provider.open_refresh()

    assert watch.ends == [("probe", "rate_limited"), ("refresh", "not_sent")]


def test_probes_and_revocations_are_counted_by_what_they_said(watch: Watch) -> None:
    issued = watch.provider.redeem(watch.exchange.authorize("alice"), Scope.READ)
    assert watch.provider.probe(issued.credential) is Liveness.ALIVE
    assert revoke(watch.provider, issued.credential, issued.renewal) is Upstream.REVOKED
    assert watch.provider.probe(issued.credential) is Liveness.DEAD

    assert watch.ends[1:] == [("probe", "alive"), ("revoke", "revoked"), ("probe", "dead")]


@pytest.mark.parametrize("grant", [OAuthTokens(Secret("a"), None, None, ()), SessionGrant(Secret("s"), None)])
def test_what_is_stored_as_it_comes_is_no_request(watch: Watch, grant: Grant) -> None:
    watch.provider.redeem(grant, Scope.READ)

    assert watch.told == []


def test_nor_is_what_the_settings_name_no_address_for() -> None:
    watch = Watch(operations=())
    watch.provider.read_granted_scopes(watch.provider.redeem(watch.exchange.authorize("alice"), Scope.READ).credential)

    assert watch.ends == [("redeem", "ok")]


def test_the_settings_say_what_can_be_asked() -> None:
    oauth = OAuthOptions(token_url="https://a.example/t", client_id="c", client_secret=Secret("s"))

    assert set(operations_of(oauth)) == set()
    assert set(operations_of(LoginOptions(account_url="https://a.example/a"))) == {"account", "probe"}
    assert set(operations_of(LoginOptions(session_url="https://a.example/s"))) == {"probe"}


def test_every_word_is_one_that_the_metrics_know() -> None:
    words = {failure.value for failure in Failure} | {said.name.lower() for said in (*Liveness, *Upstream)}

    assert words | {"ok", "rate_limited"} <= REQUEST_OUTCOMES
    assert {*ALL, "redeem", "refresh"} == OPERATIONS
