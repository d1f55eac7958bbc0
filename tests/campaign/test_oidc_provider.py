"""The crash campaign in short against an exchange that nobody here wrote: npm's oidc-provider.

`make campaign-oidc` runs the same at full size.
"""

import dataclasses
from pathlib import Path

import pytest

from tests.campaign import stages
from tests.campaign.oidc_provider import NotInstalledError, install, oidc_exchange
from tests.campaign.stage import run_stage
from tests.campaign.test_crashes_in_short import SMALL
from tests.support.database_server import DatabaseServer

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("program", ["node", "npm"])
def test_a_machine_that_cannot_run_it_is_told_so_and_not_let_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    for other in {"node", "npm"} - {program}:
        (tmp_path / other).touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotInstalledError, match=rf"needs {program}, .*deploy/system-packages\.sh"):
        install()


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
