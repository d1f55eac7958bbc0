"""Revoke, the exchanger's part: sealed credentials kept durably, sent once the row is gone, relatives looked after."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import MmtError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import Liveness, Upstream
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.exchanger import CallContext, StagedRevocation
from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.domain.ports.sealing import Sealing
from mmt_grpc.domain.ports.store import TokenRows
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.probing import Probing
from mmt_grpc.exchange.records import decode_staged
from mmt_grpc.exchange.refreshing import Refreshing
from mmt_grpc.exchange.sending import REVOCATION
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.upstream import UpstreamWork

MOST_RELATIVES: Final = 16
LANE: Final = "{integration}-relatives"
"""What is looked at may be slow: neither refreshes nor revocations wait for it, nor another provider's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoking:
    """Stages and completes revocations."""

    spool: Spool
    upstream: UpstreamWork
    rows: TokenRows
    sealing: Sealing
    refreshing: Refreshing
    probing: Probing
    failpoints: Failpoints
    log: EventLog

    def stage(self, staged: StagedRevocation) -> None:
        """Keep a row's sealed credentials in place of older ones of its key; raises `StoreUnavailableError`.

        The row is deleted even then: what is not kept is never revoked upstream.
        """
        try:
            self.upstream.stage(staged)
        except StoreUnavailableError:
            self.log.error("revocation_not_kept", integration=staged.binding.integration)
            raise
        self.failpoints.reach("revoke.staged")

    def complete(self, context: CallContext, *, shard: int, token_key: bytes) -> Upstream:
        """Revoke upstream what was staged, then look whether that ended other connections of the same account."""
        content = self.spool.get(REVOCATION, token_key)
        self.failpoints.reach("revoke.before_upstream")
        upstream = self.upstream.complete(shard, token_key)
        if content is not None and upstream is not Upstream.UNSUPPORTED:
            staged = decode_staged(content)
            if (account_key := staged.account_key) is not None:
                lane = LANE.format(integration=staged.binding.integration)
                self.upstream.lanes.start(lane, account_key, lambda: self._look(context, account_key))
        return upstream

    def _look(self, context: CallContext, account_key: bytes) -> None:
        """Probe the account's other connections; one that is dead is refreshed, whose answer says the rest."""
        try:
            for row in self.rows.read_account(account_key, MOST_RELATIVES):
                if self.upstream.stopping.is_set():
                    return
                self._look_at(context, row)
        except MmtError as error:
            self.log.warning("relatives_not_probed", reason=error.reason.value)

    def _look_at(self, context: CallContext, row: TokenRow) -> None:
        """Look at one; what is wrong with it keeps nobody from looking at the next."""
        binding = row.binding
        try:
            opened = self.sealing.open(binding, row.sealed)
            if opened.renewal is None or self.probing.ask(binding.integration, opened.credential) is not Liveness.DEAD:
                return
            self.log.info("relative_is_dead", integration=binding.integration)
            self.refreshing.start(context, shard=row.shard, token_key=binding.token_key, generation=binding.generation)
        except MmtError as error:
            self.log.warning("relative_not_probed", integration=binding.integration, reason=error.reason.value)
        except ProviderError as error:
            self.log.info("relative_not_probed", integration=binding.integration, reason=error.failure.value)
