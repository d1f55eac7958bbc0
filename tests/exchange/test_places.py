"""So many requests at once for a provider, and what it asks of a single account."""

import pytest

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import LIMITED, SECOND, PacingWorld, admitted, ends, error


@pytest.fixture
def world() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(world: PacingWorld) -> Pacing:
    return world.replica()


def refused(pacing: Pacing) -> Refused:
    refusal = pacing.admit("uphold", demand=True, account=b"k")
    assert isinstance(refusal, Refused)
    return refusal


class TestPlaces:
    def test_a_provider_is_sent_so_many_requests_at_once(self, world: PacingWorld) -> None:
        pacing = world.replica(places=4)
        under_way = [admitted(pacing) for _ in range(4)]

        refusal = refused(pacing)

        assert refusal.reason is Reason.PROVIDER_UNAVAILABLE
        under_way[0].close()
        under_way[0].close()
        admitted(pacing)
        refused(pacing)

    def test_a_call_waits_for_a_place_for_a_bounded_time(self, world: PacingWorld) -> None:
        pacing = world.replica(places=1)
        first = admitted(pacing)
        world.clock.plan(SECOND, first.close)
        began = world.clock.elapsed()

        admitted(pacing)
        assert SECOND <= world.clock.elapsed() - began < SECOND + SECOND // 10

        began = world.clock.elapsed()
        refused(pacing)
        assert world.clock.elapsed() - began <= 2 * SECOND + SECOND // 10

    def test_what_is_scheduled_leaves_places_and_never_waits(self, world: PacingWorld) -> None:
        pacing, began = world.replica(places=4), world.clock.elapsed()
        for _ in range(3):
            admitted(pacing, demand=False)

        assert isinstance(pacing.admit("uphold", demand=False, account=b"k"), Refused)
        assert world.clock.elapsed() == began
        assert pacing.wait("uphold") > 0
        admitted(pacing)


class TestAccountLimits:
    def test_a_limit_without_a_rate_holds_the_account_that_met_it(self, world: PacingWorld, pacing: Pacing) -> None:
        ends(pacing, LIMITED, key=b"busy")

        refusal = pacing.admit("uphold", demand=True, account=b"busy")
        assert refusal == Refused(Reason.PROVIDER_RATE_LIMITED, 30 * SECOND)
        admitted(pacing, key=b"other").close()
        world.clock.advance(30 * SECOND)
        admitted(pacing, key=b"busy")

    @pytest.mark.parametrize(("asked", "wait"), [(None, SECOND), (0, SECOND), (7.5, 7_500_000), (1e9, 3600 * SECOND)])
    def test_what_is_asked_is_heeded_within_reason(self, pacing: Pacing, asked: float | None, wait: int) -> None:
        ends(pacing, error(Failure.NOT_CONSUMED, limited=True, wait=asked))

        assert refused(pacing).wait == wait
