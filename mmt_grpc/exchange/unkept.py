"""Fresh grants on their way into a row: kept on disk until they are committed, revoked upstream if they are not."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.ports.store import ConnectRequest
from mmt_grpc.exchange.records import GrantRecord, encode_grant
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.upstream import UNWANTED, UpstreamWork

GRANT: Final = "grant"
"""A grant that a Connect of this life is about to commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unkept:
    """Holds grants by their request's key."""

    spool: Spool
    upstream: UpstreamWork

    def hold(self, request: ConnectRequest, integration: str, issued: Issued) -> None:
        """Keep a grant durably; `StoreUnavailableError` if the disk refuses."""
        record = GrantRecord(request.request_key, integration, issued.credential, issued.renewal)
        self.spool.put(GRANT, request.request_key, encode_grant(record))

    def scrub(self, request: ConnectRequest) -> None:
        """Forget a grant that is committed."""
        self.spool.scrub(GRANT, request.request_key)

    def revoke(self, request: ConnectRequest) -> None:
        """Have a grant that is not kept revoked upstream, soon and durably; one that was never held is not ours."""
        content = self.spool.get(GRANT, request.request_key)
        if content is None:
            return
        self.spool.put(UNWANTED, request.request_key, content)
        self.spool.scrub(GRANT, request.request_key)
        self.upstream.wake()
