"""What refuses a start: a schema that does not fit, a foreign installation, a foreign or older ledger."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from mmt_grpc.domain.ports.store import Installation
from mmt_grpc.store import StartRefusedError, check_installation, open_store
from mmt_grpc.store.refusals import (
    ForeignInstallationError,
    ForeignLedgerError,
    ForeignModeError,
    NewerSchemaError,
    NotInstalledError,
    NotMigratedError,
    OlderLedgerError,
)
from tests.store.backends import Database, sqlite_url
from tests.store.material import key
from tests.support.fakes_store import FakeInstallations, FakeLedger

INDEX_CHECK = b"c" * 32


def installed(ledger: FakeLedger) -> tuple[FakeInstallations, Installation]:
    installations = FakeInstallations()
    installation = Installation(b"i" * 16, "production", INDEX_CHECK, ledger.identity(), ledger.head(), 1)
    installations.create(installation)
    return installations, installation


def test_an_installation_that_fits_is_returned() -> None:
    ledger = FakeLedger()
    installations, installation = installed(ledger)
    ledger.record(1, key())

    assert check_installation(installations, ledger, index_check=INDEX_CHECK, mode="production") == installation


def test_a_database_without_an_installation_is_refused() -> None:
    with pytest.raises(NotInstalledError):
        check_installation(FakeInstallations(), FakeLedger(), index_check=INDEX_CHECK, mode="dev")


def test_another_index_key_is_refused() -> None:
    ledger = FakeLedger()
    installations, _ = installed(ledger)

    with pytest.raises(ForeignInstallationError):
        check_installation(installations, ledger, index_check=b"d" * 32, mode="production")


def test_the_other_mode_is_refused() -> None:
    ledger = FakeLedger()
    installations, _ = installed(ledger)

    with pytest.raises(ForeignModeError):
        check_installation(installations, ledger, index_check=INDEX_CHECK, mode="dev")


def test_another_ledger_is_refused() -> None:
    installations, _ = installed(FakeLedger())

    with pytest.raises(ForeignLedgerError):
        check_installation(installations, FakeLedger(), index_check=INDEX_CHECK, mode="production")


def test_a_ledger_that_lost_entries_is_refused() -> None:
    ledger = FakeLedger()
    installations, installation = installed(ledger)
    installations.advance_head(before=0, after=installation.ledger_head + 1)

    with pytest.raises(OlderLedgerError):
        check_installation(installations, ledger, index_check=INDEX_CHECK, mode="production")


def test_every_refusal_is_a_sentence_of_its_own() -> None:
    refusals = StartRefusedError.__subclasses__()

    assert len({str(refusal()) for refusal in refusals}) == len(refusals)
    assert all(str(refusal()).endswith((".", "first.")) for refusal in refusals)


def test_an_empty_database_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    with contextlib.closing(open_store(sqlite_url(tmp_path))) as store:
        with pytest.raises(NotMigratedError):
            store.check_schema()
        assert store.schema_number() == 0

        assert store.migrate() == [1, 2, 3, 4]

        store.check_schema()


def test_migrating_again_changes_nothing(opened: Database) -> None:
    row_before = opened.query("SELECT number, applied_at FROM schema_migration")

    assert opened.store.migrate() == []
    assert opened.query("SELECT number, applied_at FROM schema_migration") == row_before


def test_a_newer_schema_is_served_for_migrations_only_add_but_not_migrated(opened: Database) -> None:
    opened.query("INSERT INTO schema_migration (number, applied_at) VALUES (99, 1)")
    try:
        opened.store.check_schema()
        with pytest.raises(NewerSchemaError):
            opened.store.migrate()
    finally:
        opened.query("DELETE FROM schema_migration WHERE number = 99")


def test_a_migration_that_was_cut_off_is_finished_by_the_next(opened: Database) -> None:
    opened.query("DELETE FROM schema_migration")
    opened.query("DROP TABLE replica")
    opened.query("DROP INDEX token_key_epoch" + ("" if opened.url.startswith("sqlite") else " ON token"))

    assert opened.store.migrate() == [1, 2, 3, 4]

    opened.store.check_schema()
    assert opened.store.replicas.list() == []
    assert "token_key_epoch" in str(
        opened.query("SELECT name FROM sqlite_master" if opened.url.startswith("sqlite") else "SHOW INDEX FROM token")
    )


def test_the_installation_learns_the_schemas_number(opened: Database) -> None:
    ledger = FakeLedger()
    _, installation = installed(ledger)
    opened.store.installations.create(replace(installation, schema=0))
    opened.query("DELETE FROM schema_migration")

    opened.store.migrate()

    read = opened.store.installations.read()
    assert read is not None
    assert read.schema == 4
