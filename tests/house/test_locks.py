"""The lock files agree with each other and with what the package says it needs."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import ROOT

DEVELOPMENT = ROOT / "requirements.lock"
IMAGE = ROOT / "deploy/locks/runtime.lock"
GENERATOR = ROOT / "deploy/locks/generate.lock"
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    return {canonicalize_name(name): pinned for name, pinned in PIN.findall(lock.read_text(encoding="utf-8"))}


def project() -> dict[str, list[str]]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {"runtime": table["project"]["dependencies"], "development": table["dependency-groups"]["dev"]}


def test_the_image_gets_the_versions_that_were_tested() -> None:
    tested, shipped = pins(DEVELOPMENT), pins(IMAGE)

    assert shipped
    assert shipped.items() <= tested.items()


def test_the_image_holds_no_tool_of_development() -> None:
    assert not {"mypy", "pytest", "ruff", "hypothesis", "buf-bin", "grpcio-testing"} & pins(IMAGE).keys()


@pytest.mark.parametrize("text", [text for group in project().values() for text in group])
def test_the_lock_satisfies_what_the_project_asks_for(text: str) -> None:
    wanted = Requirement(text)

    assert wanted.specifier.contains(pins(DEVELOPMENT)[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("text", project()["runtime"])
def test_the_tests_run_on_the_locked_version(text: str) -> None:
    name = canonicalize_name(Requirement(text).name)

    assert version(name) == pins(DEVELOPMENT)[name]


@pytest.mark.parametrize("lock", [DEVELOPMENT, IMAGE, GENERATOR], ids=lambda path: path.stem)
def test_a_lock_pins_by_hash_and_leaves_the_source_to_the_installer(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]

    assert len(blocks) == len(pins(lock))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
