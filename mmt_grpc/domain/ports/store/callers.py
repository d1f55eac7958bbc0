"""Clients and their API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.model import Scope


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client company; `mac` protects the row."""

    client_id: str
    name: str
    created_at: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key of one client and one scope; `mac` covers id, client, scope, disabled and the secret."""

    key_id: str
    client_id: str
    scope: Scope
    disabled: bool
    created_at: int
    mac: bytes


class Callers(Protocol):
    """What a worker looks a caller up in."""

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        """Read an API key and its client."""
        ...


class CallerAdministration(Callers, Protocol):
    """What administration adds."""

    def add_client(self, client: ClientRow) -> None:
        """Insert a client."""
        ...

    def list_clients(self) -> Sequence[ClientRow]:
        """Read all clients, by creation."""
        ...

    def add_api_key(self, key: ApiKeyRow) -> None:
        """Insert an API key."""
        ...

    def list_api_keys(self, client_id: str | None) -> Sequence[ApiKeyRow]:
        """Read the API keys of a client, or all, by creation."""
        ...

    def disable_api_key(self, key_id: str, mac: bytes) -> bool:
        """Set `disabled` with the MAC that covers it; False if there is no such key or it is disabled already."""
        ...
