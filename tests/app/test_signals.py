"""A SIGTERM ends a process, whichever of its threads the kernel gives it to."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.tree import ROOT


@contextlib.contextmanager
def overheard(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process whose SIGTERM goes to another thread than the main one, which waits by now."""
    command = [sys.executable, "-m", "tests.app.overheard", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_handler_alone_does_not_wake_a_main_thread_that_waits() -> None:
    with overheard("handler") as process, pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)


def test_a_process_of_ours_ends() -> None:
    with overheard() as process:
        assert process.wait(60) == 0
