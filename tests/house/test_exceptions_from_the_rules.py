"""Strict by default: whoever leaves a rule says why, on the line that leaves it."""

import re

import pytest

from tests.support.tree import ROOT

IGNORE = re.compile(r"#\s*(?:type:\s*ignore\[[^\]]+\]|noqa:\s*[A-Z0-9, ]+|pragma:\s*no cover)(?P<rest>.*)$")
SOURCES = sorted(path for folder in ("mmt_grpc", "tests", "deploy", "bench") for path in (ROOT / folder).rglob("*.py"))


def unexplained(line: str) -> bool:
    found = IGNORE.search(line)
    return found is not None and not re.search(r"[a-z]{2,}", found["rest"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = f()  # type: " + "ignore[misc]", True),
        ("x = f()  # no" + "qa: S603", True),
        ("x = f()  # no" + "qa: S603  # the path is ours", False),
        ("x = f()", False),
    ],
)
def test_an_ignore_is_told_from_an_explained_one(line: str, *, expected: bool) -> None:
    assert unexplained(line) is expected


def test_every_ignored_rule_has_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if unexplained(line)
    ]

    assert not bare
