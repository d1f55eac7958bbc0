"""An exchange that refuses many grants at once is not believed, until an operator says that it means it."""

import os
import signal
from pathlib import Path

from mmt_grpc.exchange.brake import FEWEST_ACCOUNTS
from tests.support.clients import refusal
from tests.support.service import Service, running_service
from tests.support.waiting import until

MORE = FEWEST_ACCOUNTS + 1
"""Enough to apply the brake of an exchanger that has just started, too."""
RELEASED = "[providers.coinbase]\nrefusal_brake = false\n"


def dead_grants(service: Service, count: int) -> list[str]:
    """Connect so many users whose access tokens have expired and who have all withdrawn their access."""
    connected = [service.expired_soon() for _ in range(count)]
    for _, account, _ in connected:
        service.end("coinbase", account)
    until(service.is_past(connected[-1][2]), "the last token expires")
    return [token_id for token_id, _, _ in connected]


def reason(service: Service, token_id: str) -> str | None:
    return refusal(lambda: service.write.resolve(token_id)).reason


def test_the_brake_holds_the_rest_back_until_it_is_released(tmp_path: Path) -> None:
    config = tmp_path / "extra.toml"
    config.write_text("", encoding="utf-8")
    with running_service(MMT_CONFIG=str(config)) as service:
        token_ids = dead_grants(service, FEWEST_ACCOUNTS + MORE)
        first, rest = token_ids[:FEWEST_ACCOUNTS], token_ids[FEWEST_ACCOUNTS:]
        assert {reason(service, token_id) for token_id in first} == {"REAUTHENTICATION_REQUIRED"}
        assert reason(service, rest[0]) == "PROVIDER_UNAVAILABLE"
        assert '"event":"provider_refuses_many_grants"' in service.dev.logs()

        config.write_text(RELEASED, encoding="utf-8")
        os.kill(service.dev.process.pid, signal.SIGHUP)
        until(lambda: '"event":"roll_ended"' in service.dev.logs(), "the settings are taken")

        assert {reason(service, token_id) for token_id in rest} == {"REAUTHENTICATION_REQUIRED"}
