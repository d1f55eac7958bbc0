"""The points at which replicas are killed are those of the code, and every one of a refresh is come by."""

import re
from pathlib import Path

from mmt_grpc.domain.failpoints import NAMES
from tests.exchange.crash_points import ANSWERED, ENDINGS, REFRESH, ROADS
from tests.support.tree import ROOT


def test_the_list_of_failpoints_is_that_of_the_code() -> None:
    sources = "".join(path.read_text() for path in Path(ROOT, "mmt_grpc").rglob("*.py"))

    assert sorted(re.findall(r'failpoints\.reach\(\s*"([^"]+)"', sources)) == sorted(NAMES)
    assert len(re.findall(r"failpoints\.reach\(", sources)) == len(NAMES)


def test_every_point_of_a_refresh_is_killed_at_by_one_of_these() -> None:
    reached = {*REFRESH, *ROADS, *ENDINGS, ANSWERED}
    assert reached == {name for name in NAMES if name.startswith(("refresh.", "spool.", "settle."))}
