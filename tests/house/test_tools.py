"""The linters, one test each, so that pytest's summary tells everything."""

import zipfile
from pathlib import Path

import pytest

from tests.support.tree import git, run


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-fix"),
        ("ruff", "format", "--check"),
        ("lint-imports", "--no-logo", "--no-cache"),
        ("buf", "lint"),
        ("buf", "format", "--diff", "--exit-code"),
    ],
    ids=" ".join,
)
def test_the_tree_passes(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_every_type_is_stated_and_right() -> None:
    done = run("mypy")

    assert done.returncode == 0, done.stdout


def test_the_published_contract_still_reads_what_its_callers_send(tmp_path: Path) -> None:
    landed = next((name for name in ("origin/main", "main", "HEAD") if holds_the_contract(name)), None)
    assert landed is not None
    archive = tmp_path / "landed.zip"
    exported = git("archive", f"--output={archive}", landed, "protos", "buf.yaml")
    assert exported.returncode == 0, exported.stdout
    with zipfile.ZipFile(archive) as files:
        files.extractall(tmp_path / "landed")

    done = run("buf", "breaking", "--against", str(tmp_path / "landed"))

    assert done.returncode == 0, done.stdout


def holds_the_contract(name: str) -> bool:
    return git("cat-file", "-e", f"{name}:protos/mmt/v1/token_service.proto").returncode == 0
