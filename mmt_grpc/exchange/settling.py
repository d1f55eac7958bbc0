"""What an earlier life of this replica left behind is settled before this one starts anything."""

from dataclasses import dataclass

from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.store import ConnectRequest, ConnectRows, RefreshRows
from mmt_grpc.exchange.records import decode_grant
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.unkept import GRANT, Unkept
from mmt_grpc.exchange.write_back import WriteBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Settles attempts, requests and grants of earlier lives."""

    owner: bytes
    life: bytes
    attempts: RefreshRows
    rows: ConnectRows
    requests: Requests
    unkept: Unkept
    spool: Spool
    write_back: WriteBack
    log: EventLog

    def settle(self) -> None:
        """Attempts become IN_DOUBT, requests REJECTED; grants that no row holds are revoked upstream."""
        for row in self.attempts.running_attempts(self.owner):
            if row.attempt_id is not None:
                self.write_back.doubt(row, row.attempt_id)
                self.log.warning("attempt_in_doubt", integration=row.binding.integration)
        for request in self.rows.pending_requests(self.owner, except_life=self.life):
            self.requests.give_up(request)
        for entry in list(self.spool.entries(GRANT)):
            self._settle_grant(entry.key)

    def _settle_grant(self, key: bytes) -> None:
        try:
            content = self.spool.get(GRANT, key)
        except CredentialUnreadableError:
            # Its epoch is gone, or the disk is bad: nobody can revoke it, and a start must not fail for it.
            self.log.error("grant_unreadable")
            return
        if content is None:
            return
        recorded = self.rows.read_request(decode_grant(content).request_key)
        request = ConnectRequest(key, b"", self.owner, self.life) if recorded is None else recorded.request
        if recorded is not None and recorded.state == "DONE":
            self.unkept.scrub(request)
        else:
            self.unkept.revoke(request)
