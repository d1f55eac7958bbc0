"""The tree is the architecture: what import-linter cannot say about it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tree import ROOT, git

DOMAIN = ROOT / "mmt_grpc/domain"
TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "Dockerfile",
    "Makefile",
    "README.md",
    "bench",
    "buf.gen.yaml",
    "buf.yaml",
    "deploy",
    "docs",
    "generated",
    "mmt_grpc",
    "protos",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}
VAGUE = {"base", "common", "core", "helper", "helpers", "misc", "shared", "tools", "util", "utils"}
MODULES = sorted((ROOT / "mmt_grpc").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)


def test_the_domain_needs_nothing_but_python() -> None:
    foreign = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in DOMAIN.rglob("*.py")
        for name in imports(path)
        if not name.startswith("mmt_grpc.domain") and name.split(".")[0] not in sys.stdlib_module_names
    }

    assert not foreign


def test_the_product_never_imports_its_tests() -> None:
    assert not [path for path in MODULES for name in imports(path) if name.split(".")[0] in {"tests", "pytest"}]


def test_every_module_opens_with_a_sentence() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].endswith(".")
    ]

    assert not silent


def test_no_module_hides_behind_a_vague_name() -> None:
    assert not [path for path in MODULES if VAGUE & set(path.relative_to(ROOT).with_suffix("").parts)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 40
    ]

    assert len(lines) <= 250
    assert not long


def test_the_top_level_holds_what_a_newcomer_is_told_of() -> None:
    listing = git("ls-files")
    assert listing.returncode == 0, listing.stdout
    tracked = {name.split("/")[0] for name in listing.stdout.splitlines()}

    assert tracked <= TOP_LEVEL
