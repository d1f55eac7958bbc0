"""Where no refresh can be had now: what is alive is served, what is dead says why."""

import pytest

from mmt_grpc.domain.errors import (
    MmtError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    ReauthenticationRequiredError,
)
from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import INVALID_CLIENT, LOST_REQUEST, NOT_SENT, OUTAGE, REFUSED, Fault, limited
from tests.support.fakes_world import Client, World


class TestWhenItCannotBeRefreshedNow:
    @pytest.mark.parametrize(
        ("operation", "fault"),
        [
            ("connect", NOT_SENT),
            ("refresh", OUTAGE),
            ("refresh", limited(30)),
            ("refresh", LOST_REQUEST),
            ("refresh", INVALID_CLIENT),
        ],
    )
    def test_it_is_served_while_it_is_alive(
        self, world: World, client: Client, token: str, operation: str, fault: Fault
    ) -> None:
        world.coinbase.strike(operation, fault)
        world.pass_time(3570)

        for _ in range(3):
            assert world.coinbase.is_alive(client.resolve(token).credential)
        assert world.coinbase.counts["refreshes"] == 0

    @pytest.mark.parametrize(
        "case",
        [
            ("connect", NOT_SENT, ProviderUnavailableError, None),
            ("refresh", OUTAGE, ProviderUnavailableError, None),
            ("refresh", limited(30), ProviderRateLimitedError, 30),
            ("refresh", LOST_REQUEST, ProviderUnavailableError, 60),
            ("refresh", INVALID_CLIENT, ProviderUnavailableError, None),
        ],
    )
    def test_one_that_is_dead_gets_the_reason_and_the_wait(
        self, world: World, client: Client, token: str, case: tuple[str, Fault, type[MmtError], float | None]
    ) -> None:
        operation, fault, expected, wait = case
        world.coinbase.strike(operation, fault)
        world.pass_time(3600)

        with pytest.raises(expected) as refusal:
            client.resolve(token)

        assert refusal.value.retry_after is not None
        assert wait is None or wait - 1 < refusal.value.retry_after <= wait

    def test_a_refusal_ends_it_at_once_even_while_it_is_alive(self, world: World, client: Client, token: str) -> None:
        world.coinbase.strike("refresh", REFUSED)
        world.pass_time(3570)

        for _ in range(2):
            with pytest.raises(ReauthenticationRequiredError) as refusal:
                client.resolve(token)
            assert refusal.value.cause is Cause.PROVIDER_REVOKED
        assert world.standing(token).state is TokenState.REAUTHENTICATION

    def test_an_exchanger_out_of_reach_serves_what_is_alive(self, world: World, client: Client, token: str) -> None:
        world.life.line.is_up = False
        world.pass_time(3570)
        assert client.resolve(token).generation == 1

        world.pass_time(30)
        with pytest.raises(ProviderUnavailableError):
            client.resolve(token)

    def test_an_integration_configured_no_more_serves_what_is_alive(
        self, world: World, client: Client, token: str
    ) -> None:
        del world.providers["coinbase"]
        world.pass_time(3570)
        assert client.resolve(token).generation == 1

        world.pass_time(30)
        with pytest.raises(ProviderUnavailableError):
            client.resolve(token)
        assert "integration_not_configured" in world.log.alarms
