"""The working tree, and the programs of the environment that the tests run in."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sysconfig.get_path("scripts"))


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a program (a bare name is one of the environment's) to its end; both of its outputs are in `stdout`."""
    program, *arguments = command
    path = program if isinstance(program, Path) else BIN / program
    # Measuring the coverage of a linter would only slow it down.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.run(
        [path, *arguments],
        cwd=cwd,
        env=environment,
        check=False,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def git(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run git on the working tree, whoever owns it: a mounted checkout often is another user's."""
    program = shutil.which("git")
    assert program is not None, "git is not on the PATH"
    return run(Path(program), "-c", f"safe.directory={ROOT}", *arguments)
