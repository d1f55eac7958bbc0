"""A refresh whose store goes away writes its end however often it has to."""

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import LOST_ANSWER, OUTAGE, REFUSED, Fault
from tests.support.fakes_world import World


class TestStoreAway:
    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_lease_is_read_back(self, world: World, expired: str, *, applied: bool) -> None:
        world.weather.lose("lease", applied=applied)

        world.refresh(expired)

        assert world.coinbase.counts["refreshes"] == int(applied)
        assert world.standing(expired).state is TokenState.ACTIVE

    def test_a_lost_lease_is_read_back_however_long_the_store_is_away(self, world: World, expired: str) -> None:
        world.weather.lose("lease", applied=True)
        world.weather.before("lease", lambda: world.weather.refuse("read", times=8))

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)

    @pytest.mark.parametrize("times", [1, 5])
    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_commit_is_read_back_and_repeated_only_if_it_is_not_there(
        self, world: World, expired: str, *, applied: bool, times: int
    ) -> None:
        world.weather.lose("commit_refresh", applied=applied, times=times)

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)
        assert world.log.named("refresh") == [{"integration": "coinbase", "outcome": "refreshed"}]
        assert world.coinbase.counts == {"exchanges": 1, "refreshes": 1}

    def test_an_answer_waits_for_a_store_that_is_away(self, world: World, expired: str) -> None:
        world.weather.refuse("commit_refresh", times=100)

        world.refresh(expired)

        assert world.standing(expired).binding.generation == 2

    @pytest.mark.parametrize(
        ("method", "operation", "fault", "state"),
        [
            ("release", "refresh", OUTAGE, TokenState.ACTIVE),
            ("doubt", "refresh", LOST_ANSWER, TokenState.IN_DOUBT),
            ("condemn", "refresh", REFUSED, TokenState.REAUTHENTICATION),
        ],
    )
    @pytest.mark.parametrize("applied", [True, False])
    def test_every_other_end_is_read_back_too(
        self, world: World, expired: str, *, method: str, operation: str, fault: Fault, state: TokenState, applied: bool
    ) -> None:
        world.coinbase.strike(operation, fault)
        world.weather.lose(method, applied=applied)

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.failures) == (state, 0 if state is TokenState.REAUTHENTICATION else 1)

    def test_an_attempt_that_cannot_write_its_end_is_let_go_at_the_stop_and_settled_at_the_start(
        self, world: World, expired: str
    ) -> None:
        world.weather.before("commit_answer", world.life.parts.stopping.set)
        with world.weather.outage("commit_answer"):
            world.refresh(expired)
        assert world.standing(expired).state is TokenState.REFRESHING

        world.restart()

        row = world.standing(expired)
        assert (row.state, row.binding.generation) == (TokenState.ACTIVE, 2)
