"""A machine that lacks what the tests need is given it, or told in one line what that is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.tree import ROOT

PACKAGES = {"openssl": "openssl", "curl": "curl", "jq": "jq", "faketime": "faketime", "node": "nodejs", "npm": "npm"}
OTHER_PLACES = "PATH=$PATH:/usr/sbin:/usr/local/sbin\n"


def with_these_programs_alone(folder: Path) -> Path:
    """Return a copy of the script that looks for servers nowhere else: some systems have all programs there."""
    deploy = folder / "deploy"
    shutil.copytree(ROOT / "deploy", deploy)
    script = deploy / "system-packages.sh"
    text = script.read_text(encoding="utf-8")
    assert OTHER_PLACES in text
    script.write_text(text.replace(OTHER_PLACES, ""), encoding="utf-8")
    return script


@pytest.mark.parametrize(("program", "package"), PACKAGES.items())
def test_what_is_missing_and_cannot_be_installed_is_named(tmp_path: Path, program: str, package: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for there in {"mariadbd", *PACKAGES} - {program}:
        (programs / there).touch(mode=0o700)
    dirname = shutil.which("dirname")
    assert dirname is not None
    (programs / "dirname").symlink_to(dirname)

    done = subprocess.run(
        ["/bin/bash", with_these_programs_alone(tmp_path)],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"need the packages {package}, and this user may not install them" in done.stderr
