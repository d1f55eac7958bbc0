"""Backups: what was revoked since is deleted again before anything is served; an older ledger is no ledger."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.clients import READ, refusal, token_of
from tests.support.database_server import DatabaseServer
from tests.support.dev import running_dev
from tests.support.service import Service, running_service, someone


def copy(folder: Path, name: str, to: Path) -> None:
    """Copy an SQLite database of a service that has stopped."""
    to.mkdir(exist_ok=True)
    for path in folder.glob(f"{name}*"):
        shutil.copy2(path, to / path.name)


def put_back(backup: Path, name: str, folder: Path) -> None:
    for path in folder.glob(f"{name}*"):
        path.unlink()
    copy(backup, name, folder)


def test_a_database_restored_from_a_backup_does_not_bring_a_revoked_token_back(tmp_path: Path) -> None:
    state_dir, backup = tmp_path / "state", tmp_path / "backup"
    user = someone()
    with running_service(state_dir) as service:
        revoked, account = service.connected("uphold", end_user_id=user)
        kept, _ = service.connected("uphold")
    copy(state_dir, "mmt.db", backup)
    with running_service(state_dir) as service:
        assert token_of(service.write.resolve(revoked))
        service.write.revoke(revoked)
    put_back(backup, "mmt.db", state_dir)
    with running_service(state_dir) as service:
        first = service.dev.logs().rindex('"revocations_finished"')
        assert first < service.dev.logs().rindex('"serving"'), "it was served before it was deleted"
        for call in (service.write.resolve, service.write.revoke, service.write.check_scope):
            assert refusal(lambda call=call: call(revoked)).reason == "TOKEN_NOT_FOUND"  # type: ignore[misc]  # bound
        assert token_of(service.write.resolve(kept))
        new, _ = service.connected("uphold", end_user_id=user, account=account)
        assert new != revoked


def test_a_row_restored_while_the_service_runs_goes_at_the_next_connect_of_its_user(
    on_mariadb: Service, mariadb: DatabaseServer
) -> None:
    """Nobody has to wait for the next comparison with the ledger: Connect looks for itself."""
    name = on_mariadb.dev.database_url.partition("?")[0].rpartition("/")[2]
    user = someone()
    revoked, account = on_mariadb.connected(end_user_id=user)
    mariadb.administrate(f"CREATE TABLE {name}.backup AS SELECT * FROM {name}.token")  # noqa: S608  # our own name
    on_mariadb.write.revoke(revoked)
    mariadb.administrate(
        f"INSERT IGNORE INTO {name}.token SELECT * FROM {name}.backup",  # noqa: S608  # our own name
        f"DROP TABLE {name}.backup",
    )
    new, _ = on_mariadb.connected(end_user_id=user, account=account)
    assert new != revoked
    assert refusal(lambda: on_mariadb.write.resolve(revoked)).reason == "TOKEN_NOT_FOUND"


def test_a_ledger_older_than_its_database_refuses_to_start(tmp_path: Path) -> None:
    state_dir, backup = tmp_path / "state", tmp_path / "backup"
    with running_service(state_dir) as service:
        first, _ = service.connected()
        second, _ = service.connected()
        service.write.revoke(first)
    copy(state_dir, "ledger.db", backup)
    with running_service(state_dir) as service:
        service.write.revoke(second)
    with running_service(state_dir):
        pass  # reads the ledger in full, and remembers how far
    put_back(backup, "ledger.db", state_dir)
    with pytest.raises(AssertionError, match="ledger is older than this database"), running_dev(state_dir):
        pass


def test_another_ledger_refuses_to_start(tmp_path: Path) -> None:
    with running_service(tmp_path / "state"), running_service(tmp_path / "other"):
        pass
    copy(tmp_path / "other", "ledger.db", tmp_path / "backup")
    put_back(tmp_path / "backup", "ledger.db", tmp_path / "state")
    with (
        pytest.raises(AssertionError, match="ledger is not the one"),
        running_dev(tmp_path / "state"),
    ):
        pass


def test_a_revoke_without_a_ledger_is_refused_while_resolve_goes_on(tmp_path: Path, mariadb: DatabaseServer) -> None:
    ledger = mariadb.fresh_database()
    name = ledger.partition("?")[0].rpartition("/")[2]
    with running_service(tmp_path, MMT_LEDGER_URL=ledger) as service:
        token_id, account = service.connected("uphold")
        mariadb.administrate(f"RENAME TABLE {name}.revocation TO {name}.away")
        refused = refusal(lambda: service.write.revoke(token_id))
        assert refused.reason == "STORE_UNAVAILABLE"
        assert refused.retry_after
        assert service.is_live("uphold", account, token_of(service.write.resolve(token_id)))
        mariadb.administrate(f"RENAME TABLE {name}.away TO {name}.revocation")
        service.write.revoke(token_id)
        assert refusal(lambda: service.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"


def test_a_backup_of_mariadb_taken_before_a_revoke_does_not_bring_the_token_back(
    tmp_path: Path, mariadb: DatabaseServer
) -> None:
    urls = {"MMT_DATABASE_URL": mariadb.fresh_database(), "MMT_LEDGER_URL": mariadb.fresh_database()}
    name = urls["MMT_DATABASE_URL"].partition("?")[0].rpartition("/")[2]
    with running_service(tmp_path, **urls) as service:
        token_id = service.write.connect(
            someone(), "coinbase", READ, authorization_code=service.code("coinbase", someone("account"))
        ).token_id
        mariadb.administrate(
            f"CREATE TABLE {name}.backup AS SELECT * FROM {name}.token",  # noqa: S608  # our own name
        )
        service.write.revoke(token_id)
    mariadb.administrate(f"INSERT INTO {name}.token SELECT * FROM {name}.backup")  # noqa: S608  # our own name
    with running_service(tmp_path, **urls) as service:
        assert refusal(lambda: service.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
        assert mariadb.administrate(f"SELECT COUNT(*) FROM {name}.token") == ((0,),)  # noqa: S608  # our own name
