"""The failpoints that are documented are those that there are, and each stands at one place at least."""

import re

import pytest

from mmt_grpc.app.failpoints import check_failpoints
from mmt_grpc.domain.failpoints import NAMES
from mmt_grpc.settings.problems import SettingsError
from tests.support.tree import ROOT

DOCUMENT = (ROOT / "docs/failpoints.md").read_text(encoding="utf-8")
CODE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mmt_grpc").rglob("*.py"))


def test_the_documentation_names_every_point_in_the_order_of_the_code() -> None:
    assert re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", DOCUMENT, re.MULTILINE) == list(NAMES)


def test_there_are_thirty_points_and_no_name_twice() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_reached_somewhere(name: str) -> None:
    assert f'reach("{name}")' in CODE


@pytest.mark.parametrize("action", re.findall(r"^\| `([a-z]+)(?::SECONDS)?` \| ", DOCUMENT, re.MULTILINE))
def test_every_documented_action_is_accepted(action: str) -> None:
    seconds = ":0.1" if action == "sleep" else ""
    check_failpoints({"MMT_FAILPOINTS": f"{NAMES[0]}={action}{seconds}, {NAMES[1]}=kill"}, is_dev=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere=kill", "MMT_FAILPOINTS: names a point that there is not"),
        (f"{NAMES[0]}=explode", "MMT_FAILPOINTS: has an action other than"),
        (f"{NAMES[0]}=sleep:long", "MMT_FAILPOINTS: has a sleep that is no number of seconds"),
        (NAMES[0], "MMT_FAILPOINTS: has an action other than"),
    ],
)
def test_failpoints_that_do_not_exist_end_the_start(text: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_failpoints({"MMT_FAILPOINTS": text}, is_dev=True)

    assert [problem.startswith(why) for problem in refused.value.problems] == [True]


def test_failpoints_are_for_dev_alone() -> None:
    with pytest.raises(SettingsError):
        check_failpoints({"MMT_FAILPOINTS": f"{NAMES[0]}=kill"}, is_dev=False)

    check_failpoints({}, is_dev=False)
