"""What settings must be together: the rules that fail closed."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import ProviderOptions
from mmt_grpc.settings.filesystem import VOLATILE
from mmt_grpc.settings.kinds import is_loopback
from mmt_grpc.settings.problems import Problem
from mmt_grpc.settings.settings import store_settings
from mmt_grpc.settings.tables import SettingsTable
from mmt_grpc.store.settings import Location, SqliteLocation, UrlError, locate


def check(
    table: SettingsTable,
    providers: Mapping[str, ProviderOptions],
    *,
    serving: bool,
    filesystem_of: Callable[[Path], str],
) -> list[Problem]:
    """Return everything that is wrong with settings that are right one by one."""
    found = [*_stores(table, serving=serving), *_keys(table), *_names(table, providers)]
    if serving:
        found += [*_listening(table), *_numbers(table), *_state(table, filesystem_of)]
    return found


def _listening(table: SettingsTable) -> Iterator[Problem]:
    if (table.tls_certificate is None) != (table.tls_key is None):
        missing = "tls_key" if table.tls_key is None else "tls_certificate"
        yield Problem(missing, "is missing: certificate and key go together")
    for name in ("tls_certificate", "tls_key"):
        path: Path | None = getattr(table, name)
        if path is not None and not path.is_file():
            yield Problem(name, "names no file")
    if table.tls_certificate is None and table.tls_key is None:
        if not table.allow_plaintext:
            yield Problem("tls_certificate", "is missing, and `allow_plaintext` is not set")
        elif not all(is_loopback(address) for address in table.listen):
            yield Problem("listen", "must name loopback addresses only, for there is no TLS")
    if table.metrics_listen is not None and not is_loopback(table.metrics_listen):
        yield Problem("metrics_listen", "must be a loopback address")


def _numbers(table: SettingsTable) -> Iterator[Problem]:
    if table.refresh_waiters > table.max_calls:
        yield Problem("refresh_waiters", "must be at most `max_calls`")


def _stores(table: SettingsTable, *, serving: bool) -> Iterator[Problem]:
    database, flaw = _locate("database_url", table.database_url, table)
    yield from flaw
    if table.ledger_url is None and not serving:
        return
    ledger, flaw = _locate("ledger_url", table.ledger_url, table)
    yield from flaw
    beside_server = database is not None and not isinstance(database, SqliteLocation)
    if isinstance(ledger, SqliteLocation) and beside_server and table.mode != "dev":
        yield Problem("ledger_url", "must not be SQLite beside a database on a server: the replicas share the ledger")
    if ledger is not None and ledger == database:
        yield Problem("ledger_url", "must not be the database: a restored backup would bring both back")


def _locate(name: str, url: Secret | None, table: SettingsTable) -> tuple[Location | None, list[Problem]]:
    if url is None:
        return None, [Problem(name, "is missing")]
    try:
        return locate(url.reveal(), store_settings(table.database))[0], []
    except UrlError as error:
        # Behind a colon may stand a name out of the URL's query, which can be a piece of an unescaped password.
        return None, [Problem(name, f"cannot be used, {str(error).partition(': ')[0]}")]


def _keys(table: SettingsTable) -> Iterator[Problem]:
    if table.keys.directory is None:
        yield Problem("keys.directory", "is missing")
    if table.keys.root_key_file is None:
        yield Problem("keys.root_key_file", "is missing")


def _names(table: SettingsTable, providers: Mapping[str, ProviderOptions]) -> Iterator[Problem]:
    both = set(table.wallets.names) & set(providers)
    if both:
        yield Problem("wallets.names", f"names integrations that hold tokens: {', '.join(sorted(both))}")


def _state(table: SettingsTable, filesystem_of: Callable[[Path], str]) -> Iterator[Problem]:
    if table.state_dir is None:
        yield Problem("state_dir", "is missing")
        return
    if table.mode != "dev":
        for name, path in (("state_dir", table.state_dir), ("audit_path", table.audit_path)):
            if path is not None and filesystem_of(path) in VOLATILE:
                yield Problem(name, "is on a file system in memory, which a restart would empty")
