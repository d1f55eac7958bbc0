"""Replicas, callers, the installation and the ledger in memory."""

import os
from collections.abc import Sequence
from dataclasses import replace

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.ports.store import (
    ApiKeyRow,
    Beaten,
    ClientRow,
    DatabaseAge,
    Installation,
    LedgerEntry,
    Replica,
    ReplicaBeat,
)
from tests.support.fake_rows import FakeClock


class FakeReplicas:
    """`Replicas`, and what they have settled of the installation's recoveries."""

    def __init__(self, *, clock: FakeClock, installations: "FakeInstallations") -> None:
        self._clock = clock
        self._installations = installations
        self._replicas: dict[bytes, Replica] = {}
        self._settled: dict[bytes, int] = {}

    def beat(self, beat: ReplicaBeat, *, replaces: bytes | None = None) -> Beaten:
        now, registered = self._clock.now(), self._replicas.get(beat.owner)
        others = {owner: replica.seen_at for owner, replica in self._replicas.items() if owner != beat.owner}
        if replaces is not None and registered is not None and registered.beat.life not in {beat.life, replaces}:
            return Beaten(now, others, is_taken=True)
        self._replicas[beat.owner] = Replica(beat, now)
        return Beaten(now, others)

    def see(self, owner: bytes, now: int) -> None:
        if owner in self._replicas:
            self._replicas[owner] = replace(self._replicas[owner], seen_at=now)

    def redate(self, owner: bytes, *, seen_at: int, to: int) -> bool:
        found = self._replicas.get(owner)
        if found is None or found.seen_at != seen_at:
            return False
        self.see(owner, to)
        return True

    def was_seen(self, owner: bytes, after: int) -> bool:
        return owner in self._replicas and self._replicas[owner].seen_at > after

    def have_recovered(self, after: int) -> bool:
        recovery = self._installations.recovery
        return all(self._settled.get(owner, 0) >= recovery for owner in self._replicas if self.was_seen(owner, after))

    def settled_by(self, owner: bytes) -> int | None:
        return self._settled.get(owner, 0) if owner in self._replicas else None

    def settle(self, owner: bytes, number: int) -> None:
        if owner in self._replicas:
            self._settled[owner] = max(self._settled.get(owner, 0), number)

    def list(self) -> Sequence[Replica]:
        return [self._replicas[owner] for owner in sorted(self._replicas)]

    def forget(self, owner: bytes) -> bool:
        self._settled.pop(owner, None)
        return self._replicas.pop(owner, None) is not None


class FakeCallers:
    """`CallerAdministration`."""

    def __init__(self) -> None:
        self._clients: dict[str, ClientRow] = {}
        self._keys: dict[str, ApiKeyRow] = {}

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        key = self._keys.get(key_id)
        client = None if key is None else self._clients.get(key.client_id)
        return None if key is None or client is None else (key, client)

    def add_client(self, client: ClientRow) -> None:
        if client.client_id in self._clients:
            raise ConflictError
        self._clients[client.client_id] = client

    def list_clients(self) -> Sequence[ClientRow]:
        return sorted(self._clients.values(), key=lambda client: (client.created_at, client.client_id))

    def add_api_key(self, key: ApiKeyRow) -> None:
        if key.key_id in self._keys:
            raise ConflictError
        self._keys[key.key_id] = key

    def list_api_keys(self, client_id: str | None) -> Sequence[ApiKeyRow]:
        keys = [key for key in self._keys.values() if client_id in {None, key.client_id}]
        return sorted(keys, key=lambda key: (key.created_at, key.key_id))

    def disable_api_key(self, key_id: str, mac: bytes) -> bool:
        key = self._keys.get(key_id)
        if key is None or key.disabled:
            return False
        self._keys[key_id] = replace(key, disabled=True, mac=mac)
        return True


class FakeInstallations:
    """`Installations`, and its newest recovery."""

    def __init__(self) -> None:
        self._installation: Installation | None = None
        self.recovery = 0

    def age(self) -> DatabaseAge | None:
        found = self._installation
        return None if found is None else DatabaseAge(found.installation_id, found.ledger_head, self.recovery)

    def read(self) -> Installation | None:
        return self._installation

    def create(self, installation: Installation) -> None:
        if self._installation is not None:
            raise ConflictError
        self._installation = installation

    def advance_head(self, *, before: int, after: int) -> bool:
        if self._installation is None or self._installation.ledger_head != before:
            return False
        self._installation = replace(self._installation, ledger_head=after)
        return True

    def open_recovery(self, after: int) -> bool:
        if self._installation is None or self.recovery != after:
            return False
        self.recovery = after + 1
        return True


class FakeLedger:
    """`Ledger`."""

    def __init__(self, *, clock: FakeClock | None = None) -> None:
        self._clock = clock or FakeClock()
        self._identity = os.urandom(16)
        self._entries: dict[bytes, LedgerEntry] = {}

    def identity(self) -> bytes:
        return self._identity

    def now(self) -> int:
        return self._clock.now()

    def head(self) -> int:
        return max((entry.position for entry in self._entries.values()), default=0)

    def record(self, shard: int, token_key: bytes) -> None:
        now = self._clock.now()
        self._entries.setdefault(token_key, LedgerEntry(now, shard, token_key, now))

    def contains(self, token_key: bytes) -> bool:
        return token_key in self._entries

    def since(self, position: int, limit: int) -> Sequence[LedgerEntry]:
        later = [entry for entry in self._entries.values() if entry.position > position]
        return sorted(later, key=lambda entry: (entry.position, entry.token_key))[:limit]
