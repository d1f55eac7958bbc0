"""Fresh grants on their way into a row: kept on disk until they are committed, revoked upstream if they are not."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Issued, Provider
from mmt_grpc.domain.ports.store import ConnectRequest
from mmt_grpc.exchange.records import GrantRecord, encode_grant
from mmt_grpc.exchange.sending import UNWANTED
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.upstream import UpstreamWork

GRANT: Final = "grant"
"""A grant that a Connect of this life is about to commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unkept:
    """Holds grants by their request's key."""

    spool: Spool
    upstream: UpstreamWork
    failpoints: Failpoints

    def hold(self, request: ConnectRequest, provider: Provider, issued: Issued) -> None:
        """Keep a grant durably; `StoreUnavailableError` if the disk refuses, and then the grant is revoked at once."""
        record = GrantRecord(request.request_key, provider.name, issued.credential, issued.renewal)
        try:
            self.spool.put(GRANT, request.request_key, encode_grant(record))
        except StoreUnavailableError:
            # What cannot be kept could not be revoked later: now or never.
            upstream = self.upstream.sending.revoke(provider.name, issued.credential, issued.renewal)
            self.log.error("grant_not_held", integration=provider.name, upstream=upstream.name)
            raise

    def scrub(self, request: ConnectRequest) -> None:
        """Forget a grant that is committed; where the disk refuses, the next start does it."""
        try:
            self.spool.scrub(GRANT, request.request_key)
        except StoreUnavailableError:
            self.log.error("grant_not_scrubbed")

    def revoke(self, request: ConnectRequest) -> None:
        """Have a grant that is not kept revoked upstream, soon and durably; one that was never held is not ours.

        Where the disk refuses or the record does not open it stays as it is, for the next start.
        """
        try:
            content = self.spool.get(GRANT, request.request_key)
            if content is None:
                return
            self.spool.put(UNWANTED, request.request_key, content)
            self.failpoints.reach("unkept.after_put")
            self.spool.scrub(GRANT, request.request_key)
        except (StoreUnavailableError, CredentialUnreadableError) as error:
            self.log.error("grant_not_revoked", reason=error.reason.value)
        self.upstream.wake()

    @property
    def log(self) -> EventLog:
        """The log of the upstream work."""
        return self.upstream.log
