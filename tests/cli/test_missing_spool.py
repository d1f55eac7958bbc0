"""A state directory that is none is not made into one by who looks at its spool or wants it drained."""

from pathlib import Path

import pytest

from tests.cli.running import run_on
from tests.support.dev import RunningDev


@pytest.mark.parametrize("verb", ["status", "drain"])
def test_a_directory_that_is_not_there_is_refused_and_not_made(
    shared_dev: RunningDev, tmp_path: Path, verb: str
) -> None:
    mistyped = tmp_path / "mistyped"

    result = run_on(shared_dev, "spool", verb, "--state-dir", str(mistyped))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"mmt: there is no spool in {mistyped}\n"
    assert not mistyped.exists()


def test_a_directory_without_a_spool_is_given_no_replica_id(shared_dev: RunningDev, tmp_path: Path) -> None:
    result = run_on(shared_dev, "spool", "drain", "--state-dir", str(tmp_path))

    assert (result.exit_code, "there is no spool" in result.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
