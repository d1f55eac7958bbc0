"""Puts together what paces an exchanger's requests, from what its settings say of each provider."""

from collections.abc import Mapping

from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import Budgets
from mmt_grpc.exchange.budget import Rate
from mmt_grpc.exchange.pacing import Pacing, PacingObserver
from mmt_grpc.providers.options import OAuthOptions, ProviderOptions
from mmt_grpc.telemetry.clock import BootClock


def build_pacing(
    providers: Mapping[str, ProviderOptions], budgets: Budgets, observer: PacingObserver, log: EventLog
) -> Pacing:
    """Return the pacing of all providers; replicas share their rate limits by `budgets`."""
    rates = {
        name: Rate(options.rate_limit.requests, options.rate_limit.seconds)
        for name, options in providers.items()
        if options.rate_limit is not None
    }
    return Pacing(
        rates=rates,
        budgets=budgets,
        clock=BootClock(),
        randomness=SystemRandomness(),
        log=log,
        observer=observer,
        released_brakes=[
            name
            for name, options in providers.items()
            if isinstance(options, OAuthOptions) and not options.refusal_brake
        ],
    )
