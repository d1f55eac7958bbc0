"""The ledger's own tables: which ledger it is, and what was revoked."""

from typing import Final

import peewee

from mmt_grpc.store.dialect import Dialect
from mmt_grpc.store.events import Randomness
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.migrations.ddl import create_table
from mmt_grpc.store.migrations.fields import FixedBytes, Number, SmallNumber
from mmt_grpc.store.session import Session

SCHEMA: Final = 1
_IDENTIFY: Final = "INSERT INTO ledger (singleton, ledger_id, schema_number) VALUES (1, :ledger_id, :schema_number)"
_ID_BYTES: Final = 16


class LedgerIdentity(peewee.Model):
    """The one row that tells this ledger from every other."""

    singleton = SmallNumber(primary_key=True)
    ledger_id = FixedBytes(_ID_BYTES)
    schema_number = Number()

    class Meta:
        table_name = "ledger"


class Revocation(peewee.Model):
    """A token that must never come back; `position` is the ledger's clock when it was recorded."""

    token_key = FixedBytes(32, primary_key=True)
    shard = SmallNumber()
    position = Number()

    class Meta:
        table_name = "revocation"
        indexes = ((("position", "token_key"), False),)


def create(session: Session, dialect: Dialect, randomness: Randomness) -> None:
    """Create what is missing; the identity is made once, with the ledger."""
    with session.raw() as database:
        for model in (Revocation, LedgerIdentity):
            create_table(database, model, dialect.table_settings(partitions=None))
    try:
        session.change(_IDENTIFY, ledger_id=randomness(_ID_BYTES), schema_number=SCHEMA)
    except DuplicateError:  # it has its identity already
        return
