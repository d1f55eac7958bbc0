"""What the spool holds for revocation, opened and sent to its provider."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS, Credential, Upstream
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.ports.providers import Providers
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import Ledger, TokenRows
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.admission import Refused
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.records import decode_grant, decode_staged
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.spool_listing import Entry

UNWANTED: Final = "unwanted"
"""A grant that no row holds: to be revoked upstream, however often that has to be tried."""
REVOCATION: Final = "revocation"
"""The sealed credentials of a row that a Revoke deletes."""
ABANDONED_AFTER: Final = 3600 * MICROSECONDS
"""A staged revocation whose row stands this long after, and in no ledger, belongs to a Revoke that never happened."""

LoadedEpochs = Callable[[], tuple[tuple[int, ...], tuple[int, ...]]]
"""Returns the numbers of the access and of the renewal key epochs that are loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Sends records; each method raises `StoreUnavailableError`, `CredentialUnreadableError`, or
    `IntegrationUnknownError` where the integration is configured no more.
    """

    spool: Spool
    rows: TokenRows
    ledger: Ledger
    guard: RevivalGuard
    sealing: Sealing
    epochs: LoadedEpochs
    providers: Providers
    pacing: Pacing
    failpoints: Failpoints
    log: EventLog

    def integration_of(self, entry: Entry) -> str | None:
        """Return where a record is to be revoked; None if somebody else has completed it."""
        content = self.spool.get(entry.kind, entry.key)
        if content is None:
            return None
        if entry.kind == UNWANTED:
            return decode_grant(content).integration
        return decode_staged(content).binding.integration

    def send(self, entry: Entry, waited: int) -> bool:
        """Send a record that has waited for so many microseconds; True if nothing is left to do for it."""
        if entry.kind == UNWANTED:
            return self._send_unwanted(entry.key)
        return self._send_staged(entry.key, waited)

    def complete(self, shard: int, token_key: bytes) -> Upstream:
        """Revoke what was staged for a row, if the row is gone: not merely absent from another's database."""
        content = self.spool.get(REVOCATION, token_key)
        if content is None:
            return Upstream.FAILED
        calm, row = self.guard.calm, self.rows.read(shard, token_key).row
        if row is not None:
            return Upstream.FAILED
        self.guard.check(calm, None)
        staged = decode_staged(content)
        opened = self.sealing.open(staged.binding, staged.sealed)
        upstream = self._paced(staged.binding.integration, opened.credential, opened.renewal)
        if upstream is not Upstream.FAILED:
            self.failpoints.reach("revoke.after_upstream")
            self.spool.scrub(REVOCATION, token_key)
        return at_most_accepted(upstream, staged)

    def revoke(self, integration: str, credential: Credential, renewal: Secret | None) -> Upstream:
        """Revoke now or never, whether or not the provider is doubted; what it asks to wait for is heeded after it."""
        provider = self.providers.get(integration)
        upstream = provider.revoke(credential, renewal, learn=partial(self.pacing.heed, integration))
        self.log.info("revoked_upstream", integration=integration, upstream=upstream.name)
        return upstream

    def is_lost(self, entry: Entry) -> bool:
        """Whether nobody can ever open a record again: a key epoch that it needs has been destroyed."""
        if self.spool.is_lost(entry.kind, entry.key):
            return True
        if entry.kind != REVOCATION:
            return False
        try:
            content = self.spool.get(entry.kind, entry.key)
        except (CredentialUnreadableError, StoreUnavailableError):
            return False
        if content is None:
            return False
        needed = decode_staged(content).sealed.key_epoch
        return any(is_destroyed(needed, loaded) for loaded in self.epochs())

    def _send_unwanted(self, key: bytes) -> bool:
        content = self.spool.get(UNWANTED, key)
        if content is None:
            return True
        record = decode_grant(content)
        if self._paced(record.integration, record.credential, record.renewal) is Upstream.FAILED:
            return False
        self.failpoints.reach("unkept.after_upstream")
        self.spool.scrub(UNWANTED, key)
        return True

    def _send_staged(self, key: bytes, waited: int) -> bool:
        content = self.spool.get(REVOCATION, key)
        if content is None:
            return True
        staged = decode_staged(content)
        if self.rows.read(staged.shard, key).row is None:
            return self.complete(staged.shard, key) is not Upstream.FAILED
        if waited > ABANDONED_AFTER and not self.ledger.contains(key):
            self.spool.scrub(REVOCATION, key)
            return True
        return False

    def _paced(self, integration: str, credential: Credential, renewal: Secret | None) -> Upstream:
        """Revoke with the provider's leave. That it fails may be an answer or none, and shows nothing of the provider
        but what it asks to wait for.
        """
        admission = self.pacing.admit_probe(integration)
        if isinstance(admission, Refused):
            self.log.info("revocation_held_back", integration=integration)
            return Upstream.FAILED
        with admission:
            upstream = self.revoke(integration, credential, renewal)
            if upstream is Upstream.REVOKED:
                admission.learn(None)
        return upstream


def at_most_accepted(upstream: Upstream, staged: StagedRevocation) -> Upstream:
    """Return what may be said of a revocation: with a refresh in flight a newer token may exist."""
    return Upstream.ACCEPTED if upstream is Upstream.REVOKED and staged.unsettled else upstream


def is_destroyed(number: int, loaded: Collection[int]) -> bool:
    """Whether an epoch is gone for good: epochs are numbered upwards, so one that is missing below a newer one never
    comes back, while one above may just not have arrived here.
    """
    return number not in loaded and number < max(loaded, default=0)
