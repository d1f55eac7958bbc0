"""Clients and their API keys."""

from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.store import ApiKeyRow, ClientRow
from mmt_grpc.store.columns import text
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import Row

_CLIENT: Final = "client.client_id, client.name, client.created_at, client.mac"
_API_KEY: Final = "api_key.key_id, api_key.client_id, api_key.scope, api_key.disabled, api_key.created_at, api_key.mac"
_READ: Final = (
    f"SELECT {_API_KEY}, {_CLIENT} FROM api_key JOIN client ON client.client_id = api_key.client_id "
    "WHERE api_key.key_id = :key_id"
)
_ADD_CLIENT: Final = (
    "INSERT INTO client (client_id, name, created_at, mac) VALUES (:client_id, :name, :created_at, :mac)"
)
_LIST_CLIENTS: Final = f"SELECT {_CLIENT} FROM client ORDER BY created_at, client_id"
_ADD_API_KEY: Final = (
    "INSERT INTO api_key (key_id, client_id, scope, disabled, created_at, mac) "
    "VALUES (:key_id, :client_id, :scope, :disabled, :created_at, :mac)"
)
_LIST_API_KEYS: Final = f"SELECT {_API_KEY} FROM api_key ORDER BY created_at, key_id"
_LIST_API_KEYS_OF: Final = f"SELECT {_API_KEY} FROM api_key WHERE client_id = :client_id ORDER BY created_at, key_id"
_DISABLE: Final = "UPDATE api_key SET disabled = 1, mac = :mac WHERE key_id = :key_id AND disabled = 0"


class PeeweeCallers:
    """`CallerAdministration` on a database; adding what is there already is a `ConflictError`."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        row = self._execution.read(lambda session: session.row(_READ, key_id=key_id))
        return None if row is None else (_api_key(row[:6]), _client(row[6:]))

    def add_client(self, client: ClientRow) -> None:
        self._insert(
            _ADD_CLIENT,
            client_id=client.client_id,
            name=client.name,
            created_at=client.created_at,
            mac=client.mac,
        )

    def list_clients(self) -> Sequence[ClientRow]:
        return [_client(row) for row in self._execution.read(lambda session: session.rows(_LIST_CLIENTS))]

    def add_api_key(self, key: ApiKeyRow) -> None:
        self._insert(
            _ADD_API_KEY,
            key_id=key.key_id,
            client_id=key.client_id,
            scope=int(key.scope),
            disabled=int(key.disabled),
            created_at=key.created_at,
            mac=key.mac,
        )

    def list_api_keys(self, client_id: str | None) -> Sequence[ApiKeyRow]:
        def work(session: Session) -> Sequence[Row]:
            if client_id is None:
                return session.rows(_LIST_API_KEYS)
            return session.rows(_LIST_API_KEYS_OF, client_id=client_id)

        return [_api_key(row) for row in self._execution.read(work)]

    def disable_api_key(self, key_id: str, mac: bytes) -> bool:
        return self._execution.write(lambda session: bool(session.change(_DISABLE, key_id=key_id, mac=mac)))

    def _insert(self, sql: str, **values: object) -> None:
        try:
            self._execution.write(lambda session: session.change(sql, **values))
        except DuplicateError:
            raise ConflictError from None


def _client(row: Row) -> ClientRow:
    client_id, name, created_at, mac = row
    return ClientRow(client_id=text(client_id), name=text(name), created_at=created_at, mac=mac)


def _api_key(row: Row) -> ApiKeyRow:
    key_id, client_id, scope, disabled, created_at, mac = row
    return ApiKeyRow(
        key_id=text(key_id),
        client_id=text(client_id),
        scope=Scope(scope),
        disabled=bool(disabled),
        created_at=created_at,
        mac=mac,
    )
