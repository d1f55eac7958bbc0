"""How a refresh ends: with new tokens, with the old ones left alone, in doubt, or with the user wanted back."""

import pytest

from mmt_grpc.domain.errors import ProviderUnavailableError
from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.token_row import LEASE, TokenRow, TokenState
from mmt_grpc.exchange.backoff import DOUBTFUL
from tests.support.fakes_exchange_faults import (
    INVALID_CLIENT,
    LOST_ANSWER,
    LOST_REQUEST,
    NOT_SENT,
    OUTAGE,
    REFUSED,
    Fault,
    limited,
)
from tests.support.fakes_world import Client, World


class TestEndings:
    def test_new_tokens_are_a_new_generation(self, world: World, expired: str) -> None:
        before = world.standing(expired)

        assert world.refresh(expired).progress is Progress.STARTED

        row = world.standing(expired)
        assert (row.state, row.binding.generation, row.grant_number) == (TokenState.ACTIVE, 2, 1)
        assert row.refreshed_at == world.rows.now()
        assert (row.sealed.access_key, row.sealed.renewal_key) == (before.sealed.access_key, before.sealed.renewal_key)
        assert _has_no_attempt(row)

    @pytest.mark.parametrize("fault", [NOT_SENT, OUTAGE, limited(20), INVALID_CLIENT])
    def test_what_was_not_consumed_leaves_the_row_active_and_alone_for_a_while(
        self, world: World, expired: str, fault: Fault
    ) -> None:
        world.coinbase.strike("connect" if fault is NOT_SENT else "refresh", fault)

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.binding.generation, row.failures) == (TokenState.ACTIVE, 1, 1)
        assert row.backs_off(world.rows.now()) > 0
        assert _has_no_attempt(row)
        assert world.refresh(expired).progress is Progress.BACKING_OFF
        world.pass_time(60)
        assert world.refresh(expired).progress is Progress.STARTED
        assert world.standing(expired).binding.generation == 2

    @pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
    def test_an_unknown_outcome_is_in_doubt_and_nothing_is_sent_again(
        self, world: World, expired: str, fault: Fault
    ) -> None:
        world.coinbase.strike("refresh", fault)

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.doubt_owner, row.lease_owner) == (TokenState.IN_DOUBT, None, None)
        assert row.doubt == row.attempt_id is not None
        assert row.backs_off(world.rows.now()) == DOUBTFUL
        for _ in range(5):
            assert world.refresh(expired).progress is Progress.BACKING_OFF
            world.pass_time(11)
        assert world.coinbase.counts["refreshes"] == int(fault.done)

    @pytest.mark.parametrize("fault", [LOST_ANSWER, LOST_REQUEST])
    def test_an_unknown_outcome_is_tried_once_more_when_its_token_is_over(
        self, world: World, expired: str, fault: Fault
    ) -> None:
        world.coinbase.strike("refresh", fault)
        world.refresh(expired)
        world.pass_time(61)

        assert world.refresh(expired).progress is Progress.STARTED

        row = world.standing(expired)
        lost = (TokenState.REAUTHENTICATION, Cause.ROTATION_LOST)
        assert (row.state, row.reason) == (lost if fault.done else (TokenState.ACTIVE, None))
        assert world.coinbase.counts["reuses"] == int(fault.done)

    def test_a_refusal_wants_the_user_back(self, world: World, expired: str) -> None:
        world.coinbase.strike("refresh", REFUSED)

        world.refresh(expired)

        row = world.standing(expired)
        assert (row.state, row.reason) == (TokenState.REAUTHENTICATION, Cause.PROVIDER_REVOKED)
        assert row.sealed.renewal_blob is not None
        assert world.refresh(expired).progress is Progress.SETTLED

    def test_a_bug_in_a_providers_client_is_an_alarm_and_ends_in_doubt(
        self, world: World, client: Client, expired: str
    ) -> None:
        def bug() -> None:
            raise ZeroDivisionError

        world.coinbase.meanwhile("refresh", bug)
        world.refresh(expired)
        assert "refresh_failed" in world.log.alarms

        world.clock.advance(LEASE)
        with pytest.raises(ProviderUnavailableError):
            client.resolve(expired)
        assert world.standing(expired).state is TokenState.IN_DOUBT

    def test_failures_wait_longer_and_longer_and_a_success_forgets_them(self, world: World, expired: str) -> None:
        world.coinbase.strike("refresh", OUTAGE, times=12)
        for _ in range(12):
            world.refresh(expired)
            world.pass_time(301)

        assert world.standing(expired).failures == 12
        world.refresh(expired)
        assert (world.standing(expired).failures, world.standing(expired).not_before) == (0, None)


def _has_no_attempt(row: TokenRow) -> bool:
    return (row.attempt_id, row.lease_owner, row.lease_until, row.doubt, row.doubt_owner) == (None,) * 5
