"""What must not start does not, and says everything that is wrong in words of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
import tempfile
import tomllib
from pathlib import Path

import pytest

from tests.support.clients import token_of
from tests.support.database_server import PASSWORD, DatabaseServer
from tests.support.dev import running_dev
from tests.support.replica import running_serve
from tests.support.service import ended, running_service

IN_MEMORY = "/dev/shm"  # noqa: S108  # what POSIX shared memory stands on, on every Linux


def refused(*arguments: str | Path, **env: str) -> str:
    """Run a command that must fail, and return its words; no traceback is among them."""
    done = ended(*map(str, arguments), **env)
    assert done.returncode != 0
    words = done.stderr
    assert "Traceback" not in words
    assert PASSWORD not in words
    return words


def dev_refused(state_dir: Path, **env: str) -> str:
    return refused("dev", "--listen", "127.0.0.1:0", "--state-dir", state_dir, **env)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The directory of a dev installation that has been used and has ended."""
    with running_service(tmp_path) as service:
        service.connected()
        shutil.copy(service.dev.config, tmp_path / "kept.toml")
    return tmp_path


def serve_refused(stopped: Path, tmp_path: Path, *arguments: str, **env: str) -> str:
    config = stopped / "kept.toml"
    return refused("--config", config, "serve", "--state-dir", tmp_path / "replica", *arguments, **env)


def test_missing_settings_are_all_named_at_once() -> None:
    words = refused("serve")
    for name in ("database_url", "ledger_url", "state_dir", "keys.directory", "keys.root_key_file", "tls_certificate"):
        assert name in words, name


def test_wrong_settings_are_all_named_at_once_and_never_repeated(tmp_path: Path) -> None:
    env = {
        "MMT_WORKERS": "none-of-them",
        "MMT_GRACE": "-5",
        "MMT_LOG__LEVEL": "chatty",
        "MMT_DATABASE_URL": "mysql://mmt:hunter2-secret@/",
        "MMT_PROVIDERS__COINBASE__CLIENT_SECRET": "hunter2-secret",
        "MMT_PROVIDERS__COINBASE__RATE_LIMIT": "often",
        "MMT_NO_SUCH_SETTING": "hunter2-secret",
    }
    words = dev_refused(tmp_path, **env)
    for name in ("workers", "grace", "log.level", "database_url", "providers.coinbase.rate_limit", "no_such_setting"):
        assert name.lower() in words.lower(), name
    for value in ("hunter2", "none-of-them", "chatty", "often"):
        assert value not in words


def test_a_schema_that_is_behind_is_refused(stopped: Path, tmp_path: Path) -> None:
    (stopped / "mmt.db").unlink()
    for path in stopped.glob("mmt.db-*"):
        path.unlink()
    assert "mmt migrate" in serve_refused(stopped, tmp_path, "--listen", "127.0.0.1:0")


def test_a_database_of_another_index_key_is_refused(stopped: Path, tmp_path: Path) -> None:
    with running_dev(tmp_path / "other"):
        pass
    for name in ("mmt.db", "ledger.db"):
        shutil.copy(tmp_path / "other" / name, stopped / name)
    assert "another index key" in dev_refused(stopped)


def test_a_production_database_is_never_opened_by_dev(stopped: Path) -> None:
    with contextlib.closing(sqlite3.connect(stopped / "mmt.db")) as database, database:
        database.execute("UPDATE installation SET mode = 'production'")
    assert "production" in dev_refused(stopped)


def test_a_dev_database_is_never_served_in_production(stopped: Path, tmp_path: Path) -> None:
    words = serve_refused(stopped, tmp_path, "--listen", "127.0.0.1:0", MMT_MODE="production")
    assert "mode" in words or "https" in words


def test_a_state_directory_belongs_to_one_replica(tmp_path: Path) -> None:
    with running_dev(tmp_path) as dev:
        assert "another replica" in refused("--config", dev.config, "serve", "--listen", "127.0.0.1:0")


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in refused("dev", "--listen", address, "--state-dir", tmp_path)


def test_the_address_of_a_running_service_is_taken(tmp_path: Path) -> None:
    """Two services on one address would share its callers, for the kernel lets them."""
    with running_dev(tmp_path / "one") as dev:
        assert dev.address in refused("dev", "--listen", dev.address, "--state-dir", tmp_path / "two")


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_a_root_key_that_others_can_read_is_refused(stopped: Path, mode: int) -> None:
    (stopped / "root.key").chmod(mode)
    assert "0600" in dev_refused(stopped)


def test_a_lax_sql_mode_is_put_right(tmp_path: Path, mariadb: DatabaseServer) -> None:
    """The service asks for strictness itself, whatever the server's default."""
    url = mariadb.fresh_database()
    (before,) = mariadb.administrate("SELECT @@GLOBAL.sql_mode")
    mariadb.administrate("SET GLOBAL sql_mode = ''")
    try:
        with running_service(tmp_path, MMT_DATABASE_URL=url) as service:
            token_id, _ = service.connected()
            assert token_of(service.write.resolve(token_id))
    finally:
        mariadb.administrate(f"SET GLOBAL sql_mode = '{before[0]}'")


def test_a_state_directory_in_memory_is_refused_in_production() -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        words = refused("serve", "--state-dir", folder, MMT_DATABASE_URL=f"sqlite:///{folder}/mmt.db")
    assert "in memory" in words


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_restart_on_the_same_directory_keeps_client_keys_and_tokens(tmp_path: Path, workers: str) -> None:
    with running_service(tmp_path, MMT_WORKERS=workers) as service:
        before = service.dev
        token_id, account = service.connected()
        token = token_of(service.write.resolve(token_id))
    with running_service(tmp_path, MMT_WORKERS=workers) as service:
        assert (service.dev.client_id, service.dev.api_keys) == (before.client_id, before.api_keys)
        assert token_of(service.write.resolve(token_id)) == token
        assert service.is_live("coinbase", account, token)


def test_the_configuration_that_dev_writes_serves_the_same_installation(stopped: Path, tmp_path: Path) -> None:
    tree = tomllib.loads((stopped / "kept.toml").read_text())
    assert tree["mode"] == "dev"
    with running_serve(stopped / "kept.toml", tmp_path / "replica") as replica:
        assert replica.address
