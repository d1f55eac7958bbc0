"""Why the service must not start on a database: one class, and one fixed sentence, per reason."""

from typing import ClassVar

from mmt_grpc.domain.errors import StoreUnavailableError


class StartRefusedError(StoreUnavailableError):
    """The database is not one to work on. Its text is a fixed sentence for whoever starts the service.

    Should a database turn into such a one while the service runs, callers are told that the store is unavailable.
    """

    sentence: ClassVar[str]

    def __str__(self) -> str:
        return self.sentence


class AccessDeniedError(StartRefusedError):
    """The server refuses the user, the password, or that user's access to the database."""

    sentence = "The database server refuses the user, the password or the database that the URL names."


class LaxSqlModeError(StartRefusedError):
    """A session is not strict although it asked to be."""

    sentence = (
        "The database's sessions have no strict sql_mode: it would cut values that are too long. "
        "Put STRICT_TRANS_TABLES into sql_mode, or remove what takes it out."
    )


class NotMigratedError(StartRefusedError):
    """The schema is behind what this version needs, or there is none."""

    sentence = "The database's schema is missing or behind this version: run `mmt migrate` first."


class NewerSchemaError(StartRefusedError):
    """A newer version has migrated the schema to a number that this one does not know."""

    sentence = "A newer version has migrated this database: this version does not know its schema."


class NotInstalledError(StartRefusedError):
    """The schema is there, the `installation` row is not."""

    sentence = "The database belongs to no installation yet: run `mmt migrate` with this installation's keys first."


class ForeignInstallationError(StartRefusedError):
    """The check value of the index key differs."""

    sentence = "The database belongs to another installation: its rows were made with another index key."


class ForeignModeError(StartRefusedError):
    """A dev process on a production database, or the other way round."""

    sentence = "The database belongs to an installation of the other mode: dev never opens a production database."


class ForeignLedgerError(StartRefusedError):
    """The ledger is not the one that the database was last used with."""

    sentence = "The ledger is not the one that this database belongs to: revoked tokens could come back."


class OlderLedgerError(StartRefusedError):
    """The ledger has lost entries that the database has seen."""

    sentence = "The ledger is older than this database: revocations are missing from it."
