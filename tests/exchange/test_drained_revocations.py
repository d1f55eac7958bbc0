"""Who drains a dead replica's disk waits until each revocation on it was tried, however many there are."""

import time
from collections.abc import Iterator

import pytest

from mmt_grpc.domain.model import MICROSECONDS, BearerToken, Credential, Upstream
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.ports.providers import Issued, Learn
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.upstream import THREADS
from tests.support.fakes_world import Client, World

PATIENCE = 60 * MICROSECONDS
SLOW = 0.02
"""Seconds that a revocation takes: what is queued has not begun when the first are done."""
GRANTS = 10


@pytest.fixture
def left(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeEngine]:
    """The engine of the next life of a replica that has died with a revocation and many grants on its disk.

    Its lanes are real ones, shorter than what there is to do; its provider takes a while for each.
    """
    staged_by_a_worker(world, client)
    for number in range(GRANTS):
        given = world.coinbase.ready(f"user-{number}")
        issued = Issued(BearerToken(given.access_token), given.refresh_token, None, None)
        world.life.engine.upstream.add(bytes([number]) * 16, "coinbase", issued)
    assert world.coinbase.living == GRANTS + 1

    provider = world.providers["coinbase"]
    revoke = provider.revoke

    def slowly(credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        time.sleep(SLOW)
        return revoke(credential, renewal, learn=learn)

    monkeypatch.setattr(provider, "revoke", slowly)
    world.restart()
    engine = world.life.engine
    engine.upstream.lanes = Lanes(threads=THREADS, longest_queue=THREADS + 1)
    yield engine
    engine.upstream.lanes.close()


def staged_by_a_worker(world: World, client: Client) -> None:
    """Leave a revocation whose worker has deleted the row, and died before it had the exchange told."""
    row = world.standing(client.new_token())
    upstream = world.life.engine.upstream
    upstream.stage(StagedRevocation(row.shard, row.binding, row.sealed, row.account_key, row.is_unsettled))
    assert world.rows.delete(row) is not None


def test_a_revocation_and_all_grants_are_revoked_before_the_end(world: World, left: ExchangeEngine) -> None:
    left.upstream.finish(PATIENCE)

    assert left.stop()
    assert world.coinbase.living == 0
    assert world.spooled() == []


def test_a_provider_that_fails_is_left_alone_and_what_is_left_is_on_disk(
    world: World, left: ExchangeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.providers["coinbase"], "revoke", lambda *_, **__: Upstream.FAILED)

    left.upstream.finish(PATIENCE)

    assert left.stop()
    assert world.coinbase.living == GRANTS + 1
    assert world.spooled() == ["revocation", *["unwanted"] * GRANTS]


def test_a_running_replica_leaves_its_workers_the_time_to_complete_what_they_stage(
    world: World, client: Client
) -> None:
    staged_by_a_worker(world, client)

    world.life.engine.upstream.sweep()

    assert world.coinbase.living == 1
    assert world.spooled() == ["revocation"]
