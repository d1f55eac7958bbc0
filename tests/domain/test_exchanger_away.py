"""An exchanger that is away for a while, as in a rolling restart: calls have as long as their callers, no longer."""

import dataclasses
from collections.abc import Callable

import pytest

from mmt_grpc.domain.catalogue import Catalogue
from mmt_grpc.domain.errors import ProviderUnavailableError
from mmt_grpc.domain.freshness import PATIENCE
from mmt_grpc.domain.model import MICROSECONDS, Liveness, Upstream
from mmt_grpc.domain.ports.exchanger import CallContext, Connected, ConnectOrder, RefreshAnswer, StagedRevocation
from mmt_grpc.domain.revoke import STAGE_PATIENCE
from mmt_grpc.domain.verbs import MARGIN
from tests.support.fakes_process import Line
from tests.support.fakes_wiring import build_verbs
from tests.support.fakes_world import KINDS, WALLETS, Client, World

STEP = 50_000
LONGEST_ASK = 3 * MICROSECONDS
LONGEST_STAGE = 25 * MICROSECONDS


class PatientLine:
    """The way to an exchanger that is waited for: each ask until it is there or the call's time is over."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def _line(self) -> Line:
        return self._world.life.line

    def _await(self, context: CallContext, longest: int = LONGEST_ASK) -> None:
        clock = self._world.clock
        assert context.time_left is not None
        until = clock.elapsed() + min(context.time_left, longest)
        while not self._line.is_up and clock.elapsed() < until:
            clock.sleep(STEP)

    def connect(self, order: ConnectOrder) -> Connected:
        return self._line.connect(order)

    def refresh(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> RefreshAnswer:
        self._await(context)
        return self._line.refresh(context, shard=shard, token_key=token_key, generation=generation)

    def probe(self, context: CallContext, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        return self._line.probe(context, shard=shard, token_key=token_key, generation=generation)

    def stage_revocation(self, context: CallContext, staged: StagedRevocation) -> None:
        self._await(context, LONGEST_STAGE)
        self._line.stage_revocation(context, staged)

    def complete_revocation(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        self._await(context)
        return self._line.complete_revocation(context, shard=shard, token_key=token_key)


@pytest.fixture
def patient(world: World) -> Client:
    """A client whose worker waits for its exchanger."""
    parts, guard = world.life.parts, world.life.guard
    line = PatientLine(world)
    verbs = build_verbs(parts, catalogue=Catalogue(KINDS, WALLETS), exchanger=line, guard=guard)
    return world.client(life=dataclasses.replace(world.life, verbs=verbs))


def away_for(world: World, seconds: float) -> None:
    """Let the exchanger be away from now on, and come back so much later."""
    world.life.line.is_up = False
    world.clock.plan(int(seconds * MICROSECONDS), lambda: setattr(world.life.line, "is_up", True))


def took(world: World, call: Callable[[], object]) -> int:
    began = world.clock.elapsed()
    call()
    return world.clock.elapsed() - began


@pytest.mark.parametrize("seconds", [1, 5, 9])
def test_a_refresh_waits_for_an_exchanger_as_long_as_its_caller_does(
    world: World, patient: Client, token: str, seconds: float
) -> None:
    world.pass_time(3600)
    away_for(world, seconds)

    assert patient.resolve(token).generation == 2
    assert world.coinbase.counts["refreshes"] == 1


def test_an_exchanger_that_stays_away_holds_no_caller_past_its_deadline(
    world: World, patient: Client, token: str
) -> None:
    world.pass_time(3600)
    world.life.line.is_up = False

    def resolve() -> None:
        with pytest.raises(ProviderUnavailableError):
            patient.resolve(token, patience=5 * MICROSECONDS)

    assert took(world, resolve) <= 5 * MICROSECONDS - MARGIN + STEP


def test_a_token_that_is_alive_is_served_soon_while_the_exchanger_is_away(
    world: World, patient: Client, token: str
) -> None:
    world.pass_time(3570)
    world.life.line.is_up = False

    assert took(world, lambda: patient.resolve(token)) <= PATIENCE + STEP
    assert patient.resolve(token).generation == 1


def test_what_another_replica_refreshes_meanwhile_is_served(world: World, patient: Client, token: str) -> None:
    other = world.boot(b"another-replica-")
    world.pass_time(3600)
    world.life.line.is_up = False
    world.clock.plan(4 * MICROSECONDS, lambda: world.refresh(token, life=other))

    assert patient.resolve(token).generation == 2


def test_a_revoke_deletes_soon_and_hands_over_what_is_to_be_revoked_once_the_exchanger_is_back(
    world: World, patient: Client, token: str
) -> None:
    credential = patient.resolve(token).credential
    gone: list[bool] = []
    away_for(world, 7)
    world.clock.plan(STAGE_PATIENCE + 2 * STEP, lambda: gone.append(world.row(token) is None))

    assert patient.revoke(token).upstream is Upstream.REVOKED

    assert gone == [True]
    assert not world.coinbase.is_alive(credential)
    assert world.spooled() == []


def test_a_revoke_without_an_exchanger_ends_within_its_deadline_and_says_that_the_exchange_was_not_told(
    world: World, patient: Client, token: str
) -> None:
    world.life.line.is_up = False
    upstream: list[Upstream] = []

    spent = took(world, lambda: upstream.append(patient.revoke(token).upstream))

    assert upstream == [Upstream.FAILED]
    assert spent <= 10 * MICROSECONDS
    assert world.row(token) is None
