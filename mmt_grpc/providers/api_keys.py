"""What an API key may be asked at Binance: its permissions, its account, and whether it is alive."""

from collections.abc import Mapping
from typing import Final

from mmt_grpc.domain.model import ApiKeyPair, Liveness
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.providers.classification import LOOKUP, Rules, is_refusal
from mmt_grpc.providers.client import ExchangeClient, Read, T, is_success
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import Answer
from mmt_grpc.providers.signature import signed_get
from mmt_grpc.providers.token_answer import GarbledError, fields_of, read_account

READING: Final = "enableReading"
WRITING: Final = ("enableWithdrawals", "enableSpotAndMarginTrading", "permitsUniversalTransfer")

_REFUSED: Final = "-2015"
"""Invalid key, address or permissions for this action: one error for three things."""

SIGNED: Final = Rules(
    errors={
        "-1003": Failure.NOT_CONSUMED,
        "-1021": Failure.OUR_OUTAGE,  # our clock
        "-1022": Failure.PERMANENT,  # the secret does not fit the key
        "-2008": Failure.PERMANENT,
        "-2014": Failure.PERMANENT,
        _REFUSED: Failure.PERMANENT,
    },
    # A 403 is not there: it is the exchange's firewall, which speaks of our address and not of the key.
    statuses=LOOKUP.statuses,
)


class ApiKeys:
    """Signed reads with an API key; every method raises `ProviderError`."""

    def __init__(self, *, client: ExchangeClient, restrictions: Endpoint | None, account: Endpoint | None) -> None:
        self._client = client
        self._restrictions = restrictions
        self._account = account

    def may_write(self, pair: ApiKeyPair) -> bool:
        """Read the key's permissions; PERMANENT if it may not even read, or there is no endpoint to ask."""
        if self._restrictions is None:
            raise ProviderError(Failure.PERMANENT, integration=self._client.integration)
        permissions = self._ask(self._restrictions, pair, _permissions, {})
        if permissions is None or READING not in permissions:
            raise ProviderError(Failure.PERMANENT, integration=self._client.integration)
        return any(name in permissions for name in WRITING)

    def read_account(self, pair: ApiKeyPair) -> str | None:
        """Read the account's uid; None where that is refused to a key that is alive."""
        if self._account is None:
            return None
        account = self._ask(self._account, pair, _uid, {"omitZeroBalances": "true"})
        if account is None and self._is_dead(self._restrictions, pair):
            raise ProviderError(Failure.PERMANENT, integration=self._client.integration)
        return account

    def probe(self, pair: ApiKeyPair) -> Liveness:
        """Ask whether the key is alive: dead only if nothing that can be asked still takes it."""
        if self._restrictions is None and self._account is None:
            return Liveness.UNKNOWN
        dead = self._is_dead(self._restrictions, pair) and self._is_dead(self._account, pair)
        return Liveness.DEAD if dead else Liveness.ALIVE

    def _is_dead(self, endpoint: Endpoint | None, pair: ApiKeyPair) -> bool:
        """Whether an endpoint refuses the key; one that is not configured speaks for nobody."""
        if endpoint is None:
            return True
        try:
            return self._ask(endpoint, pair, lambda _: True, {"omitZeroBalances": "true"}) is None
        except ProviderError as error:
            if error.failure is Failure.PERMANENT:
                return True
            raise

    def _ask(self, endpoint: Endpoint, pair: ApiKeyPair, read: Read[T], parameters: Mapping[str, str]) -> T | None:
        """Read something; None if the exchange says -2015."""

        def read_taken(answer: Answer) -> T | None:
            return read(answer) if is_success(answer) else None

        return self._client.repeat(
            # The timestamp is part of what is signed: each try has its own.
            lambda: signed_get(endpoint, pair, now=self._client.wall_clock(), parameters=parameters),
            read_taken,
            rules=SIGNED,
            readable=lambda answer: is_success(answer) or (answer.error == _REFUSED and is_refusal(answer)),
        )


def _permissions(answer: Answer) -> frozenset[str]:
    fields = fields_of(answer)
    if not isinstance(fields.get(READING), bool):
        raise GarbledError
    return frozenset(name for name, value in fields.items() if value is True)


def _uid(answer: Answer) -> str:
    return read_account(fields_of(answer).get("uid"))
