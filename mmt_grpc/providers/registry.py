"""All configured integrations, put together."""

import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import IntegrationUnknownError
from mmt_grpc.domain.ports.providers import Provider
from mmt_grpc.providers.binance import LoginProvider
from mmt_grpc.providers.client import ExchangeClient
from mmt_grpc.providers.coinbase import COINBASE
from mmt_grpc.providers.deadline import Elapsed, boot_time
from mmt_grpc.providers.dialect import STANDARD, Dialect
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.exchange_http import ExchangeHttp, Limits, default_tls
from mmt_grpc.providers.oauth import OAuthProvider
from mmt_grpc.providers.options import URL_FIELDS, OAuthOptions, ProviderOptions, problems
from mmt_grpc.providers.resolver import Lookup, Resolver, system_lookup
from mmt_grpc.providers.retrying import FirstTry, MayRetry, OnRetry, RetryPolicy
from mmt_grpc.providers.uphold import UPHOLD
from mmt_grpc.providers.watched import RequestObserver, WatchedProvider, operations_of

DIALECTS: Final[Mapping[str, Dialect]] = {"coinbase": COINBASE, "uphold": UPHOLD}
"""By integration; any other speaks the standard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the providers need of the machine: clocks in seconds, chance, names and trust."""

    wall_clock: Callable[[], float] = time.time
    elapsed: Elapsed = boot_time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float, float], float] = random.uniform
    lookup: Lookup = system_lookup
    tls: Callable[[], ssl.SSLContext] = default_tls


class ConfiguredProviders:
    """The integrations by name; nothing is held open between requests."""

    def __init__(self, *, providers: Iterable[Provider]) -> None:
        self._providers = {provider.name: provider for provider in providers}

    def get(self, integration: str) -> Provider:
        try:
            return self._providers[integration]
        except KeyError:
            raise IntegrationUnknownError from None


def open_providers(
    options: Mapping[str, ProviderOptions],
    *,
    on_retry: OnRetry,
    may_retry: MayRetry = lambda _: True,
    on_first_try: FirstTry = lambda _: None,
    observer: RequestObserver | None = None,
    surroundings: Surroundings | None = None,
) -> ConfiguredProviders:
    """Build every integration of the settings; raises `ValueError` naming each wrong field, without its value.

    `on_retry` is told of each repeated try: integration, class of failure, number of the try. `may_retry` is asked
    before each, `on_first_try` told of each request that may be repeated, both by integration; refreshes never are.
    `observer` is told how each request ended, and how long it took.
    """
    wrong = [f"providers.{name}.{field} {text}" for name in options for field, text in problems(options[name])]
    if wrong:
        raise ValueError("; ".join(wrong))
    around = surroundings or Surroundings()
    resolver = Resolver(lookup=around.lookup)
    retry = RetryPolicy(
        on_retry=on_retry,
        sleep=around.sleep,
        jitter=around.jitter,
        may_retry=may_retry,
        on_first_try=on_first_try,
    )
    opened = [_provider(name, chosen, around, resolver, retry) for name, chosen in options.items()]
    if observer is not None:
        opened = [
            WatchedProvider(
                provider=provider,
                operations=operations_of(options[provider.name]),
                observer=observer,
                elapsed=around.elapsed,
            )
            for provider in opened
        ]
    return ConfiguredProviders(providers=opened)


def _provider(
    name: str, options: ProviderOptions, around: Surroundings, resolver: Resolver, retry: RetryPolicy
) -> Provider:
    urls = [url for field in URL_FIELDS if (url := getattr(options, field, None)) is not None]
    http = ExchangeHttp(
        integration=name,
        endpoints=[Endpoint.parse(url) for url in urls],
        limits=Limits(options.connect_timeout, options.total_timeout, options.allow_private),
        resolver=resolver,
        tls=around.tls,
        elapsed=around.elapsed,
    )
    client = ExchangeClient(integration=name, http=http, retry=retry, wall_clock=around.wall_clock)
    if isinstance(options, OAuthOptions):
        return OAuthProvider(name=name, options=options, client=client, dialect=DIALECTS.get(name, STANDARD))
    return LoginProvider(name=name, options=options, client=client)
