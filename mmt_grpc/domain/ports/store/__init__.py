"""The database: rows, Connect requests, replicas, clients, the installation.

For all of it: every change is one statement guarded by version, attempt, generation or grant number, and a method that
changes says by its bool whether its guard held (row count 1). The event of a change is inserted in the change's own
transaction. `StoreUnavailableError`: nothing was applied. `StoreOutcomeUnknownError`: read back, never repeat blindly.
Errors never carry the database's text.
"""

from mmt_grpc.domain.ports.store.budgets import Budgets, Taken, Terms
from mmt_grpc.domain.ports.store.callers import ApiKeyRow, CallerAdministration, Callers, ClientRow
from mmt_grpc.domain.ports.store.ledger import Ledger, LedgerEntry
from mmt_grpc.domain.ports.store.reinstatement import Condemned, ReinstatementRows
from mmt_grpc.domain.ports.store.replicas import (
    SEEN_FOR,
    Beaten,
    DatabaseAge,
    Installation,
    Installations,
    Replica,
    ReplicaBeat,
    Replicas,
)
from mmt_grpc.domain.ports.store.requests import ConnectRequest, ConnectRows, RecordedRequest, RowMovedError
from mmt_grpc.domain.ports.store.rows import AccessRows, Reading, RefreshRows, TokenRows
from mmt_grpc.domain.ports.store.settlement import Recoveries, SettlementRows

__all__ = [
    "SEEN_FOR",
    "AccessRows",
    "ApiKeyRow",
    "Beaten",
    "Budgets",
    "CallerAdministration",
    "Callers",
    "ClientRow",
    "Condemned",
    "ConnectRequest",
    "ConnectRows",
    "DatabaseAge",
    "Installation",
    "Installations",
    "Ledger",
    "LedgerEntry",
    "Reading",
    "RecordedRequest",
    "Recoveries",
    "RefreshRows",
    "ReinstatementRows",
    "Replica",
    "ReplicaBeat",
    "Replicas",
    "RowMovedError",
    "SettlementRows",
    "Taken",
    "Terms",
    "TokenRows",
]
