"""Whether a rejected credential is alive at its exchange; nothing is written."""

from dataclasses import dataclass

from mmt_grpc.domain.errors import IntegrationUnknownError, TokenNotFoundError
from mmt_grpc.domain.model import Liveness
from mmt_grpc.domain.ports.providers import ProviderError, Providers
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import TokenRows
from mmt_grpc.exchange.obtaining import waiting_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """Asks the exchange."""

    rows: TokenRows
    sealing: Sealing
    providers: Providers

    def probe(self, *, shard: int, token_key: bytes, generation: int) -> Liveness:
        """Ask about the credential of a generation; one that has been replaced since counts as ALIVE.

        Raises `TokenNotFoundError`, `CredentialUnreadableError` and the provider's `UnavailableError`s.
        """
        row = self.rows.read(shard, token_key).row
        if row is None:
            raise TokenNotFoundError
        if row.binding.generation > generation:
            return Liveness.ALIVE
        opened = self.sealing.open(row.binding, row.sealed)
        try:
            return self.providers.get(row.binding.integration).probe(opened.credential)
        except ProviderError as error:
            raise waiting_for(error) from None
        except IntegrationUnknownError:
            return Liveness.UNKNOWN
