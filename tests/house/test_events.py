"""The events that are documented are those that the code writes."""

import ast
import re

import pytest

from tests.support.tree import ROOT

DOCUMENT = (ROOT / "docs/observability.md").read_text(encoding="utf-8").partition("\n## Every event\n")[2]
WRITES = re.compile(r"\blog\.(debug|info|warning|error|event)\b|\b_log\.(debug|info|warning|error|event)\b")


@pytest.fixture(scope="module")
def written() -> set[str]:
    """The names that are given to a log anywhere in the code."""
    names = set()
    for path in (ROOT / "mmt_grpc").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=log, args=[ast.Constant(value=str(name)), *_]) if WRITES.search(ast.unparse(log)):
                    names.add(name)
    return names


def documented() -> set[str]:
    """The names in the first column of the tables and in the list below them; what stands in brackets are fields."""
    tables, _, rest = DOCUMENT.partition("### Information")
    columns = "\n".join(re.findall(r"^\| ([^|]+) \|", tables, re.MULTILINE))
    return set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", f"{columns}\n{rest}")))


def test_every_event_is_documented(written: set[str]) -> None:
    assert sorted(written - documented()) == []


def test_no_event_is_documented_that_nobody_writes(written: set[str]) -> None:
    assert sorted(documented() - written) == []


def test_the_code_does_write_events(written: set[str]) -> None:
    assert {"refresh", "readiness_changed", "library_log", "provider_refuses_many_grants"} <= written
