"""The one row that says what a database belongs to, and the refusal to start on another's."""

import hmac
from typing import Final

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.ports.store import DatabaseAge, Installation, Installations, Ledger
from mmt_grpc.store.columns import text
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.refusals import (
    ForeignInstallationError,
    ForeignLedgerError,
    ForeignModeError,
    NotInstalledError,
    OlderLedgerError,
)

_READ: Final = (
    "SELECT installation_id, mode, index_check, ledger_id, ledger_head, schema_number FROM installation "
    "WHERE singleton = 1"
)
_AGE: Final = "SELECT installation_id, ledger_head, recovery FROM installation WHERE singleton = 1"
_INSERT: Final = (
    "INSERT INTO installation (singleton, installation_id, mode, index_check, ledger_id, ledger_head, schema_number) "
    "VALUES (1, :installation_id, :mode, :index_check, :ledger_id, :ledger_head, :schema_number)"
)
_ADVANCE: Final = (
    "UPDATE installation SET ledger_head = :ledger_head WHERE singleton = 1 AND ledger_head = :ledger_head_before"
)


class PeeweeInstallations:
    """`Installations` on a database; creating a second one is a `ConflictError`."""

    def __init__(self, *, execution: Execution) -> None:
        self._execution = execution

    def age(self) -> DatabaseAge | None:
        row = self._execution.read(lambda session: session.row(_AGE))
        return None if row is None else DatabaseAge(*row)

    def read(self) -> Installation | None:
        row = self._execution.read(lambda session: session.row(_READ))
        if row is None:
            return None
        installation_id, mode, index_check, ledger_id, ledger_head, schema = row
        return Installation(installation_id, text(mode), index_check, ledger_id, ledger_head, schema)

    def create(self, installation: Installation) -> None:
        values = {
            "installation_id": installation.installation_id,
            "mode": installation.mode,
            "index_check": installation.index_check,
            "ledger_id": installation.ledger_id,
            "ledger_head": installation.ledger_head,
            "schema_number": installation.schema,
        }
        try:
            self._execution.write(lambda session: session.change(_INSERT, **values))
        except DuplicateError:
            raise ConflictError from None

    def advance_head(self, *, before: int, after: int) -> bool:
        return self._execution.write(
            lambda session: bool(session.change(_ADVANCE, ledger_head=after, ledger_head_before=before))
        )


def check_installation(installations: Installations, ledger: Ledger, *, index_check: bytes, mode: str) -> Installation:
    """Return the installation if this process may work on it; else raise the `StartRefusedError` that says why not.

    `index_check` is the check value of this process's index key, `mode` its own. The schema is checked before, by
    `Store.check_schema`.
    """
    installation = installations.read()
    if installation is None:
        raise NotInstalledError
    if not hmac.compare_digest(installation.index_check, index_check):
        raise ForeignInstallationError
    if installation.mode != mode:
        raise ForeignModeError
    if installation.ledger_id != ledger.identity():
        raise ForeignLedgerError
    if ledger.head() < installation.ledger_head:
        raise OlderLedgerError
    return installation
