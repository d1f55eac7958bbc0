"""The demonstration's table can be read on any terminal."""

import io

import pytest
from rich.console import Console

from mmt_grpc.app.demo_stage import Came, Step
from mmt_grpc.cli.demo import Showing

LONGEST = ("REAUTHENTICATION_REQUIRED", "required_scope=SCOPE_WRITE")


@pytest.mark.parametrize("width", [80, 99, 100, 150])
def test_no_reason_is_folded_and_the_mark_is_there(width: int) -> None:
    text = io.StringIO()
    with Showing(Console(width=width, file=text)) as showing:
        showing.sees(
            Step("The user logs in again at the exchange", LONGEST[0], Came(" ".join(LONGEST), kept=True), 1234.0)
        )

    said = text.getvalue()
    assert said.count(LONGEST[0]) == 2
    assert LONGEST[1] in said
    assert "✓" in said
    assert ("1,234" in said) == (width >= 100)
