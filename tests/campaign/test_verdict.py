"""The verdict's own rule of how often a token may be sent."""

from typing import cast

import pytest

from tests.campaign.at_death import Deaths
from tests.campaign.fleet import Fleet
from tests.campaign.notary import Chain, Exchange
from tests.campaign.verdict import may_be_sent


def sendings(*times: float, member: int = 1) -> list[Exchange]:
    return [Exchange(member, "token", is_refresh=True, chain=Chain("a"), began_at=at) for at in times]


@pytest.mark.parametrize(
    ("sent", "times", "is_right"),
    [
        (sendings(1), [], True),
        (sendings(1, 70), [], True),
        (sendings(1, 70, 140), [], False),
        (sendings(1, 70, 140), [(1, 2.0)], False),
        (sendings(1, 70, 140), [(2, 71.0)], False),
        (sendings(1, 70, 140), [(1, 71.0)], True),
        (sendings(1, 70, 140, 210), [(1, 71.0)], False),
        (sendings(1, 70, 140, 210), [(1, 71.0), (1, 141.0)], True),
    ],
)
def test_a_token_is_sent_once_more_for_each_outcome_that_is_unknown(
    sent: list[Exchange], times: list[tuple[int, float]], *, is_right: bool
) -> None:
    deaths = Deaths(cast("Fleet", None), times=times)

    assert may_be_sent(sent, deaths) is is_right
