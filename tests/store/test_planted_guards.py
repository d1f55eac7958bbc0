"""Each guard of a refresh's statements is missed when it is gone: one that no test needs would not stay."""

import os
import subprocess
import sys

import pytest

from tests.store.planted_guards import PLANTED, VARIABLE
from tests.support.tree import ROOT

SUITE = [
    f"tests/store/test_{name}.py"
    for name in (
        "lease_and_commit",
        "settling",
        "settlement",
        "owners_and_answers",
        "recoveries",
        "redating",
        "last_failure",
        "reinstatement",
    )
]


def outcome(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the store's tests of refreshes on SQLite until the first one fails."""
    plain = ["-n", "0", "-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "-k", "sqlite"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *options, *SUITE],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_all_guards_nothing_fails() -> None:
    done = outcome()
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-2000:]


@pytest.mark.parametrize("name", PLANTED)
def test_a_guard_that_is_gone_is_missed(name: str) -> None:
    done = outcome("-p", "tests.store.planted_guards", **{VARIABLE: name})
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-2000:]
