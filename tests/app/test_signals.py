"""A SIGTERM ends a process, whichever of its threads the kernel gives it to."""

import subprocess
import sys

import pytest

from tests.support.tree import ROOT

PATIENCE = 5.0
"""Seconds in which a process that has not ended waits for ever."""


def overheard(*arguments: str) -> int:
    """Run a process whose SIGTERM goes to another thread than the main one; return its exit status."""
    command = [sys.executable, "-m", "tests.app.overheard", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode


def test_a_handler_alone_does_not_wake_a_main_thread_that_waits() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        overheard("handler")


def test_a_process_of_ours_ends() -> None:
    assert overheard() == 0
