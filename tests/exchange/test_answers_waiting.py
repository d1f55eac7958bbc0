"""Answers whose commits a failover has taken back, while their provider cannot be asked about them."""

import pytest

from mmt_grpc.domain.model import MICROSECONDS, Credential, Liveness
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.asking import UNASKED
from tests.exchange.overtaken import condemn, refreshed_in_vain
from tests.support.fakes_world import Client, World

TIMEOUT = 10


class AwayFrom:
    """A provider's API behind a black hole: each probe costs all its time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.probes = 0

    def __call__(self, credential: Credential) -> Liveness:
        del credential
        self.probes += 1
        self._world.pass_time(TIMEOUT)
        raise ProviderError(Failure.NOT_CONSUMED, integration="coinbase")


@pytest.fixture
def tokens(world: World, client: Client) -> list[str]:
    """Tokens that have just been refreshed, and whose commits and leases a failover has taken back."""
    return refreshed_in_vain(world, client, 5, "coinbase")


def test_a_provider_that_is_away_holds_up_a_recovery_once(
    world: World, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = AwayFrom(world)
    monkeypatch.setattr(world.providers["coinbase"], "probe", away)
    engine, began = world.life.engine, world.clock.elapsed()
    engine.recovery.notice()

    assert engine.recovery.step()

    assert (away.probes, world.clock.elapsed() - began) == (1, TIMEOUT * MICROSECONDS)
    assert {world.standing(token).binding.generation for token in tokens} == {2}


def test_it_is_asked_again_later(world: World, tokens: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    away = AwayFrom(world)
    condemn(world, tokens)
    with monkeypatch.context() as patch:
        patch.setattr(world.providers["coinbase"], "probe", away)
        world.life.engine.settling.settle_attempts(every=True)
    assert {world.standing(token).state for token in tokens} == {TokenState.REAUTHENTICATION}

    world.clock.advance(UNASKED)
    world.life.engine.settling.settle_attempts(every=True)

    assert {world.standing(token).state for token in tokens} == {TokenState.ACTIVE}


def test_answers_that_wait_for_their_provider_are_not_called_settled(
    world: World, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    condemn(world, tokens)
    settling = world.life.engine.settling
    with monkeypatch.context() as patch:
        patch.setattr(world.providers["coinbase"], "probe", AwayFrom(world))

        assert settling.settle_attempts(every=True)

        assert settling.unsettled() == len(tokens)
    world.clock.advance(UNASKED)
    settling.settle_attempts(every=True)
    assert settling.unsettled() == 0


def test_a_replica_whose_disk_holds_answers_that_wait_for_their_provider_is_not_drained(
    world: World, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    condemn(world, tokens)
    with monkeypatch.context() as patch:
        patch.setattr(world.providers["coinbase"], "probe", AwayFrom(world))

        assert not world.life.engine.stop()

    world.clock.advance(UNASKED)
    world.restart()
    assert world.life.engine.stop()
