"""What an exchange asks to wait for when it is told to revoke holds all that it should, later revocations among it."""

import pytest

from mmt_grpc.domain.errors import ProviderRateLimitedError, ProviderUnavailableError, Reason, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS, BearerToken, Upstream
from mmt_grpc.domain.ports.providers import Failure, Issued
from mmt_grpc.exchange.breaker import IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from tests.support.fakes_exchange_faults import OUTAGE, Fault, banned, limited
from tests.support.fakes_world import Client, World

HOUR = 3600
SHUT = Fault(Failure.NOT_CONSUMED, retry_after=600)
"""A 503 with a Retry-After."""


@pytest.fixture
def other(world: World, client: Client) -> str:
    """Another user's token at the same exchange."""
    return client.connect("bob", world.coinbase.authorize("bob")).token_id


def revocations(world: World) -> int:
    return len(world.log.named("revoked_upstream"))


def test_a_ban_that_one_meets_holds_everything_that_the_exchange_is_sent(
    world: World, client: Client, token: str, other: str
) -> None:
    world.coinbase.strike("revoke", banned(2 * HOUR))

    assert client.revoke(token).upstream is Upstream.FAILED

    with pytest.raises(ProviderRateLimitedError) as refusal:
        client.connect("carol", world.coinbase.authorize("carol"))
    assert refusal.value.retry_after == pytest.approx(2 * HOUR)
    exchanges = world.coinbase.counts["exchanges"]
    world.pass_time(HOUR + 60)
    with pytest.raises(ProviderRateLimitedError):
        client.resolve(other)
    assert world.coinbase.counts["exchanges"] == exchanges

    world.pass_time(HOUR)
    assert client.resolve(other).generation == 2


def test_further_revocations_wait_until_a_ban_is_over(world: World, client: Client, token: str, other: str) -> None:
    world.coinbase.strike("revoke", banned(2 * HOUR))
    client.revoke(token)

    assert client.revoke(other).upstream is Upstream.FAILED
    for _ in range(10):
        world.sweep()
        world.pass_time(600)
    assert revocations(world) == 1

    world.pass_time(HOUR)
    world.sweep()
    assert (world.coinbase.living, world.spooled()) == (0, [])


@pytest.mark.parametrize(
    ("fault", "error"), [(limited(600), ProviderRateLimitedError), (SHUT, ProviderUnavailableError)]
)
def test_a_limit_or_a_503_that_one_meets_holds_revocations_and_lookups_and_no_refresh(
    world: World, client: Client, other: str, fault: Fault, error: type[Exception]
) -> None:
    world.coinbase.strike("revoke", fault)
    client.revoke(client.new_token())

    with pytest.raises(error):
        client.connect("carol", world.coinbase.ready("carol"))
    assert client.revoke(other).upstream is Upstream.FAILED
    assert revocations(world) == 1
    assert world.life.engine.upstream.pacing.hindrance("coinbase", demand=True) is None
    assert [held["seconds"] for held in world.log.named("provider_held")] == [600]

    world.pass_time(600)
    assert client.connect("carol", world.coinbase.ready("carol")).token_id


def test_one_that_is_sent_at_once_because_the_disk_refuses_it_is_heeded_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailableError

    work, given = world.life.engine.upstream, world.coinbase.ready("alice")
    world.coinbase.strike("revoke", banned(2 * HOUR))
    monkeypatch.setattr(work.spool, "put", refuse)

    work.add(bytes(16), "coinbase", Issued(BearerToken(given.access_token), given.refresh_token, None, None))

    refused = work.pacing.hindrance("coinbase", demand=True)
    assert refused is not None
    assert (refused.reason, refused.wait) == (Reason.PROVIDER_RATE_LIMITED, 2 * HOUR * MICROSECONDS)


def test_one_that_merely_fails_keeps_no_connect_from_its_lookups(world: World, client: Client) -> None:
    world.coinbase.strike("revoke", OUTAGE, times=2 * IN_A_ROW)
    for number in range(2 * IN_A_ROW):
        token = client.connect(f"user-{number}", world.coinbase.authorize(f"user-{number}")).token_id
        assert client.revoke(token).upstream is Upstream.FAILED

    assert revocations(world) == 2 * IN_A_ROW
    assert world.life.engine.upstream.pacing.state("coinbase").lookups is CircuitState.CLOSED
    assert client.connect("carol", world.coinbase.ready("carol")).token_id
