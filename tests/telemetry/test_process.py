"""What a process shows in /proc, and how it measures time."""

import os
import subprocess
import sys

import pytest

from mmt_grpc.telemetry.clock import BootClock
from tests.support.tree import ROOT

PROGRAM = """
import os, sys
from pathlib import Path
from mmt_grpc.telemetry.process import set_title, wipe_environment

def shown():
    return b"canary-7f3a" in Path("/proc/self/environ").read_bytes()

assert shown()
for step in sys.argv[1:]:
    if step == "title":
        set_title("mmt: supervisor")
    else:
        wipe_environment("MMT_")
        assert not shown()
assert "MMT_SECRET" not in os.environ
assert os.environ["OTHER"] == "kept"
assert os.system("env | grep -q canary-7f3a") != 0
assert os.system('test "$OTHER" = kept') == 0
print(Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").decode())
print(Path("/proc/self/comm").read_text().strip())
"""


@pytest.mark.parametrize("library", ["as it is", "told to keep off the environment"])
@pytest.mark.parametrize("steps", [("wipe", "title"), ("title", "wipe"), ("wipe", "wipe", "title")], ids=" ".join)
def test_wiped_variables_are_gone_from_proc_and_the_title_works(steps: tuple[str, ...], library: str) -> None:
    environment = {
        **os.environ,
        "MMT_SECRET": "canary-7f3a",
        "OTHER": "kept",
        "MMT_LATER": "canary-7f3a",
    } | ({"SPT_NOENV": "1"} if library != "as it is" else {})

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *steps], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["mmt: supervisor", "mmt: supervisor"]


def test_elapsed_time_goes_on_while_waiting() -> None:
    clock = BootClock()
    before = clock.elapsed()
    clock.sleep(2000)
    clock.sleep(-1)

    assert clock.elapsed() - before >= 2000
