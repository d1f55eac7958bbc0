"""The crash campaign in short against an exchange that nobody here wrote: npm's oidc-provider.

`make campaign-oidc` runs the same at full size.
"""

import dataclasses

import pytest

from tests.campaign import stages
from tests.campaign.oidc_provider import missing, oidc_exchange
from tests.campaign.stage import run_stage
from tests.campaign.test_crashes_in_short import SMALL
from tests.support.database_server import DatabaseServer

LACKING = missing()
pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(LACKING is not None, reason=str(LACKING))]


def test_killed_exchangers_lose_at_most_what_no_disk_had_yet(mariadb: DatabaseServer) -> None:
    row = run_stage(
        "oidc",
        6,
        mariadb,
        dataclasses.replace(SMALL, seed=2),
        stages.exchangers,
        exchange=oidc_exchange,
        settling=stages.a_minute_passes,
    )
    assert not row.verdict.complaints()
    assert row.verdict.rotations > 0
    assert row.verdict.lost <= row.verdict.caught + row.verdict.unheard
