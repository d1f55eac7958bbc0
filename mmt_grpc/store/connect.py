"""What commits a Connect: a new row or new credentials of a known one, together with its request."""

from typing import Final

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.model import ConnectOutcome
from mmt_grpc.domain.ports.store import ConnectRequest, RowMovedError
from mmt_grpc.domain.token_row import Connection, TokenState
from mmt_grpc.store.events import Event, Outbox
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.requests import finish
from mmt_grpc.store.rows import connection_values, identity_values
from mmt_grpc.store.session import Session

_INSERT: Final = (
    "INSERT INTO token (shard, token_key, identity_key, integration, scope, generation, end_user_key, client_key, "
    "account_key, state, version, grant_number, failures, access_expires_at, renewal_expires_at, next_refresh_at, "
    "connected_at, format, key_epoch, access_key, renewal_key, access_blob, renewal_blob, metadata_blob) "
    "VALUES (:shard, :token_key, :identity_key, :integration, :scope, :generation, :end_user_key, :client_key, "
    f":account_key, {TokenState.ACTIVE.value}, 1, 1, 0, :access_expires_at, :renewal_expires_at, :next_refresh_at, "
    ":connected_at, :format, :key_epoch, :access_key, :renewal_key, :access_blob, :renewal_blob, :metadata_blob)"
)
_REPLACE: Final = (
    f"UPDATE token SET state = {TokenState.ACTIVE.value}, reason = NULL, version = version + 1, "
    "grant_number = grant_number + 1, account_key = :account_key, attempt_id = NULL, lease_owner = NULL, "
    "lease_until = NULL, doubt = NULL, doubt_owner = NULL, not_before = NULL, failures = 0, "
    "last_failure = NULL, failed_at = NULL, condemned_at = NULL, "
    "access_expires_at = :access_expires_at, renewal_expires_at = :renewal_expires_at, "
    "next_refresh_at = :next_refresh_at, refreshed_at = NULL, connected_at = :connected_at, format = :format, "
    "key_epoch = :key_epoch, access_key = :access_key, renewal_key = :renewal_key, access_blob = :access_blob, "
    "renewal_blob = :renewal_blob, metadata_blob = :metadata_blob, generation = :generation "
    "WHERE shard = :shard AND token_key = :token_key AND grant_number = :grant_number "
    "AND generation = :generation - 1"
)
_GRANT_NUMBER: Final = "SELECT grant_number FROM token WHERE shard = :shard AND token_key = :token_key"


class PeeweeGrants:
    """The part of `ConnectRows` that writes rows."""

    def __init__(self, *, execution: Execution, outbox: Outbox) -> None:
        self._execution = execution
        self._outbox = outbox

    def create(self, connection: Connection, request: ConnectRequest) -> bool:
        values = {**connection_values(connection), **identity_values(connection)}

        def work(session: Session) -> bool:
            if not _finish(session, connection, request, ConnectOutcome.CREATED):
                return False
            now = session.now()
            try:
                session.change(_INSERT, **values, connected_at=max(now, connection.sent_at))
            except DuplicateError:
                raise ConflictError from None
            self._outbox.add(session, Event.CONNECTED, shard=connection.shard, binding=connection.binding, at=now)
            return True

        return self._execution.write(work)

    def replace(self, connection: Connection, request: ConnectRequest, *, grant_number: int) -> bool:
        values = connection_values(connection)

        def work(session: Session) -> bool:
            if not _finish(session, connection, request, ConnectOutcome.REAUTHENTICATED):
                return False
            now = session.now()
            connected_at = max(now, connection.sent_at)
            if not session.change(_REPLACE, **values, grant_number=grant_number, connected_at=connected_at):
                raise _moved(session, connection, grant_number)
            self._outbox.add(session, Event.RECONNECTED, shard=connection.shard, binding=connection.binding, at=now)
            return True

        return self._execution.write(work)


def _finish(session: Session, connection: Connection, request: ConnectRequest, outcome: ConnectOutcome) -> bool:
    return finish(session, request, shard=connection.shard, token_key=connection.binding.token_key, outcome=outcome)


def _moved(session: Session, connection: Connection, grant_number: int) -> Exception:
    """Say why nothing was found: READ COMMITTED shows here what stood in the way a statement before."""
    row = session.row(_GRANT_NUMBER, shard=connection.shard, token_key=connection.binding.token_key)
    return RowMovedError() if row is not None and row[0] == grant_number else ConflictError()
