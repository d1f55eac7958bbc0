"""Tries that repeat stay within their budget, although they wait for their places after they were asked about."""

import pytest

from mmt_grpc.domain.errors import Reason, StoreUnavailableError
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.budget import Rate
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.retry_budget import AT_FIRST, TRICKLE
from tests.exchange.pacing_world import SECOND, UPHOLD_RATE, PacingWorld, admitted, ends


def spend(pacing: Pacing, times: int) -> None:
    for _ in range(times):
        assert pacing.may_retry("uphold")


def repeat(pacing: Pacing) -> Admission | Refused:
    return pacing.admit("uphold", demand=True, account=b"k", repeats=True)


def test_the_last_repeat_goes_to_one_of_two_that_wait() -> None:
    world = PacingWorld()
    pacing = world.replica(places=1)
    spend(pacing, AT_FIRST - 1)
    busy = admitted(pacing)

    def happens_meanwhile() -> None:
        spend(pacing, 1)
        busy.close()

    world.clock.plan(SECOND, happens_meanwhile)

    refusal = repeat(pacing)

    assert isinstance(refusal, Refused)
    assert refusal.reason is Reason.PROVIDER_UNAVAILABLE
    assert 0 < refusal.wait <= TRICKLE
    assert pacing.state("uphold").running == 0


def test_one_that_the_rate_refuses_takes_no_repeat() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=Rate(AT_FIRST - 1, 4))
    spend(pacing, AT_FIRST - 1)

    assert not pacing.may_retry("uphold")
    refusal = repeat(pacing)
    assert isinstance(refusal, Refused)
    assert refusal.reason is Reason.PROVIDER_RATE_LIMITED
    assert pacing.state("uphold").running == 0

    # Time alone would bring another one only later.
    world.clock.advance(TRICKLE // 2)
    assert isinstance(repeat(pacing), Admission)


def test_one_that_the_store_fails_takes_no_repeat() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    spend(pacing, AT_FIRST - 1)
    world.store.away = True

    with pytest.raises(StoreUnavailableError):
        repeat(pacing)

    world.store.away = False
    assert isinstance(repeat(pacing), Admission)


def test_repeats_take_none_of_the_rate_that_they_may_not_use() -> None:
    world = PacingWorld()
    pacing = world.replica(uphold=UPHOLD_RATE)
    spend(pacing, AT_FIRST)
    asked = world.store.asked

    assert not pacing.may_retry("uphold")
    assert isinstance(repeat(pacing), Refused)

    assert world.store.asked == asked


def test_refreshes_earn_repeats_as_before() -> None:
    pacing = PacingWorld().replica()
    spend(pacing, AT_FIRST)
    ends(pacing, None, times=10)

    assert isinstance(repeat(pacing), Admission)
