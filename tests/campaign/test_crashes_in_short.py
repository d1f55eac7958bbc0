"""The crash campaign in short: a fleet under load loses processes and database, and not one token.

`make campaign-crash` runs the same at full size.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmt_grpc.sandbox import SandboxServer
from tests.campaign import stages
from tests.campaign.exchange import sandbox_exchange
from tests.campaign.failover_pair import FailoverPair, failover_pair
from tests.campaign.faults import Fault
from tests.campaign.naive import run_naive
from tests.campaign.notary import Notary
from tests.campaign.stage import Scene, Size, run_stage
from tests.campaign.verdict import Verdict
from tests.support.database_server import Database, DatabaseServer
from tests.support.waiting import until

# The patience is for the worst: an exchanger that comes back after the faults puts its last row in doubt for a minute.
SMALL = Size(replicas=2, workers=2, tokens=20, access_seconds=2.0, threads=4, settle_seconds=120.0)
# Starting a fleet on a busy machine takes longer than the faults.
pytestmark = pytest.mark.timeout(300)


def verdict(database: Database, make: Callable[[Scene], Fault], cycles: int, *, minute_passes: bool = False) -> Verdict:
    row = run_stage(
        "short", cycles, database, SMALL, make, settling=stages.a_minute_passes if minute_passes else lambda _: None
    )
    assert not row.verdict.complaints()
    assert row.verdict.rotations > 0
    return row.verdict


def test_a_naive_refresher_killed_in_the_same_way_loses_tokens(mariadb: DatabaseServer) -> None:
    with Notary() as notary, SandboxServer() as sandbox:
        notary.forward_to(sandbox.base_url)
        exchange = sandbox_exchange(sandbox.base_url, "coinbase")
        outcome = run_naive(mariadb, exchange, notary, tokens=50, kills=6, seed=1)
    assert outcome.rotations > 0
    assert outcome.lost > 0


def test_killed_workers_lose_nothing(mariadb: DatabaseServer) -> None:
    assert verdict(mariadb, stages.workers, 12).lost == 0


def test_killed_exchangers_lose_at_most_what_no_disk_had_yet(mariadb: DatabaseServer) -> None:
    found = verdict(mariadb, stages.exchangers, 8, minute_passes=True)
    assert found.lost <= found.caught + found.unheard


def test_a_database_that_fails_in_the_midst_of_rotations_loses_nothing(mariadb: DatabaseServer) -> None:
    assert verdict(mariadb, stages.databases, 2).lost == 0


def test_a_database_whose_replica_takes_over_in_the_midst_of_rotations_loses_nothing() -> None:
    with failover_pair() as pair:
        assert verdict(pair, stages.failovers, 2).lost == 0


class LossyFailover:
    """The replica takes over though it lacks what its primary has acknowledged in the meantime."""

    def __init__(self, scene: Scene) -> None:
        self._crowd = scene.crowd
        assert isinstance(scene.fleet.database, FailoverPair)
        self._pair = scene.fleet.database

    def cycle(self) -> str:
        self._pair.await_step()
        self._pair.replica.administrate("STOP SLAVE IO_THREAD")
        self._pair.administrate(ASYNCHRONOUS)
        enough = self._crowd.outcomes["Connect OK"] + PASSERS_BY
        until(lambda: self._crowd.outcomes["Connect OK"] >= enough, "users connect")
        self._pair.kill()
        self._pair.take_over()
        self._pair.administrate(ASYNCHRONOUS)
        return "failover, lossy"


ASYNCHRONOUS = "SET GLOBAL rpl_semi_sync_master_enabled = OFF"
PASSERS_BY = 12
"""So many connect that some of them, half in the mean, are not revoked again."""


def test_a_takeover_that_loses_what_was_acknowledged_is_seen() -> None:
    with failover_pair() as pair:
        row = run_stage("lossy", 1, pair, SMALL, LossyFailover)
    assert any("an acknowledged Connect is lost" in complaint for complaint in row.verdict.complaints())
