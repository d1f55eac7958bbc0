"""Whether a credential is alive at its exchange; nothing is written."""

from dataclasses import dataclass

from mmt_grpc.domain.errors import (
    IntegrationUnknownError,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import Credential, Liveness
from mmt_grpc.domain.ports.providers import ProviderError, Providers
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import TokenRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.obtaining import refusal, waiting_for
from mmt_grpc.exchange.pacing import Pacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """Asks the exchange: at once or not at all, and of a dead one only so many at a time."""

    rows: TokenRows
    guard: RevivalGuard
    sealing: Sealing
    providers: Providers
    pacing: Pacing

    def probe(self, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        """Ask about the credential of a generation; one that has been replaced since counts as ALIVE.

        Raises `TokenNotFoundError`, `CredentialUnreadableError`, `StoreUnavailableError` and the provider's
        `UnavailableError`s.
        """
        calm, row = self.guard.calm, self.rows.read(shard, token_key).row
        self.guard.check(calm, None if row is None else token_key)
        if row is None:
            raise TokenNotFoundError
        if row.binding.generation > generation:
            return Liveness.ALIVE
        opened = self.sealing.open(row.binding, row.sealed)
        try:
            return self.ask(row.binding.integration, opened.credential)
        except ProviderError as error:
            raise waiting_for(error) from None
        except IntegrationUnknownError:
            return Liveness.UNKNOWN

    def ask(self, integration: str, credential: Credential) -> Liveness:
        """Ask about a credential.

        Raises `ProviderError`, `IntegrationUnknownError`, and `ProviderUnavailableError` or `ProviderRateLimitedError`
        (with the wait) without having asked a provider that fails or wants to be left alone, or that too many ask.
        """
        provider = self.providers.get(integration)
        admission = self.pacing.admit_probe(integration)
        if isinstance(admission, Refused):
            raise refusal(admission)
        with admission:
            try:
                liveness = provider.probe(credential)
            except ProviderError as error:
                admission.learn(error)
                raise
            if liveness is not Liveness.UNKNOWN:
                # UNKNOWN may not have been asked at all.
                admission.learn(None)
            return liveness
