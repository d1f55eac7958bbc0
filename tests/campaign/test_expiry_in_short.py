"""The expiry campaign in short: tokens that end together are refreshed evenly, each once, and no limit is exceeded.

`make campaign-expiry` runs the same at full size, where also the callers' times are looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.expiry_exchange import COINBASE, UPHOLD
from tests.campaign.expiry_measures import MOST_BURST
from tests.campaign.expiry_stage import Size, Stage, running_stage
from tests.campaign.expiry_verdict import HONEST, judge_budget, judge_callers, judge_storm
from tests.support.database_server import DatabaseServer
from tests.support.waiting import until

SMALL = Size(
    tokens=300, life=1200, uphold_tokens=60, uphold_life=1200, replicas=2, rate=10, uphold_rate=5, limit="10/20s"
)
SAMPLE = 120
"""Of 300: half as many again are seven standard deviations then, and four seconds of standing still are no burst."""
FASTER = 6
"""Five minutes in which tokens that live for twenty are spread become fifty seconds."""
PATIENCE = 150.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stage(mariadb: DatabaseServer, tmp_path: Path) -> Iterator[Stage]:
    with running_stage(mariadb, tmp_path, SMALL) as stage:
        stage.connect()
        yield stage


def all_refreshed(stage: Stage) -> bool:
    return len(stage.refreshes(COINBASE)) >= SMALL.tokens


def test_tokens_that_end_together_are_refreshed_evenly_and_once_within_every_limit(stage: Stage) -> None:
    begins_at = time.monotonic() + 5
    uphold = stage.let_time_pass(UPHOLD, stage.window(UPHOLD), begins_at=begins_at, times_as_fast=3 * FASTER)
    window = stage.let_time_pass(COINBASE, stage.window(COINBASE), begins_at=begins_at, times_as_fast=FASTER)
    plan = stage.plan(COINBASE)
    with stage.watching() as watch:
        time.sleep(window.ends_at - time.monotonic())
        until(lambda: all_refreshed(stage), "all tokens are refreshed", patience=PATIENCE)
    assert uphold.ends_at < window.ends_at

    storm = judge_storm(stage, window, plan, SAMPLE)
    assert not storm.complaints()
    assert storm.planned.ratio < MOST_BURST
    budget = judge_budget(stage)
    assert not budget.complaints()
    assert budget.requests
    callers = judge_callers(stage, watch.answers)
    assert callers.calls
    assert not callers.wrong
    assert callers.ended
    assert callers.ended.keys() <= HONEST
    assert stage.strangers() == 0


def test_tokens_that_are_due_at_one_moment_are_seen_as_a_burst(stage: Stage) -> None:
    stage.make_all_due(COINBASE)
    until(lambda: all_refreshed(stage), "all tokens are refreshed", patience=PATIENCE)
    storm = judge_storm(stage, stage.window(COINBASE), stage.plan(COINBASE), SAMPLE)
    assert storm.sent.ratio > MOST_BURST
    assert any("burst" in sentence for sentence in storm.complaints())
