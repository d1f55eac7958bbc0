"""Scheduled refreshes leave a share of the limit to whoever asks, and lie evenly."""

import itertools

from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.budget import Rate
from tests.exchange.budget_counts import drain, most_in_a_window
from tests.exchange.pacing_world import SECOND, UPHOLD_RATE, PacingWorld


class TestScheduled:
    def test_it_leaves_a_share_to_demand_and_lies_evenly(self) -> None:
        world = PacingWorld()
        replicas = [world.replica(uphold=UPHOLD_RATE) for _ in range(3)]
        sent: list[int] = []
        for _ in range(3600):
            world.clock.advance(SECOND)
            sent += [world.clock.elapsed()] * sum(drain(pacing, demand=False) for pacing in replicas)

        assert 0.7 * 40 * 12 <= len(sent) <= 40 * 12
        assert most_in_a_window(sent, 300) <= 40
        assert min(later - earlier for earlier, later in itertools.pairwise(sent)) >= 8 * SECOND
        # What it left is there for whoever asks, at any replica.
        assert drain(replicas[1]) >= 10

    def test_it_never_waits(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=UPHOLD_RATE)
        drain(pacing)
        began = world.clock.elapsed()

        assert isinstance(pacing.admit("uphold", demand=False), Refused)
        assert pacing.wait("uphold") > 300 * SECOND
        assert world.clock.elapsed() == began

    def test_it_keeps_its_distance_from_demand_at_any_replica(self) -> None:
        world = PacingWorld()
        pacing, other = (world.replica(uphold=UPHOLD_RATE) for _ in range(2))
        assert isinstance(other.admit("uphold", demand=True), Admission)

        refusal = pacing.admit("uphold", demand=False)
        assert isinstance(refusal, Refused)
        assert refusal.wait == UPHOLD_RATE.scheduled.spacing
        world.clock.advance(refusal.wait)
        assert isinstance(pacing.admit("uphold", demand=False), Admission)

    def test_demand_is_served_beside_a_backlog(self) -> None:
        world = PacingWorld()
        pacing = world.replica(uphold=UPHOLD_RATE)
        served = 0
        for _ in range(3600 // 40):
            for _ in range(40):
                world.clock.advance(SECOND)
                drain(pacing, demand=False)
            admission = pacing.admit("uphold", demand=True)
            served += isinstance(admission, Admission)
            if isinstance(admission, Admission):
                admission.close()

        assert served == 3600 // 40

    def test_the_smallest_limit_has_one_for_it(self) -> None:
        pacing = PacingWorld().replica(uphold=Rate(1, 300))

        assert drain(pacing, demand=False) == 1
