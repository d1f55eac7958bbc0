"""The settings as the rest of the service sees them: complete, checked, plain."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from mmt_grpc.domain.catalogue import Catalogue, Kind
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.options import OAuthOptions, ProviderOptions
from mmt_grpc.settings.problems import Problem, SettingsError
from mmt_grpc.settings.tables import AuditTable, DatabaseTable, KeysTable, LogTable, SettingsTable
from mmt_grpc.store.settings import Driver, StoreSettings, Tls

T = TypeVar("T")
Mode = Literal["production", "dev"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a configuration says; see the tables for what each setting means."""

    table: SettingsTable
    providers: Mapping[str, ProviderOptions]

    @property
    def mode(self) -> Mode | None:
        """What the installation must be; None: whatever it is."""
        return self.table.mode

    @property
    def is_dev(self) -> bool:
        """Whether the relaxations of dev apply; an unset mode is as strict as production."""
        return self.table.mode == "dev"

    @property
    def workers(self) -> int:
        """How many workers to run: as many as this process has cores, unless set."""
        return self.table.workers or len(os.sched_getaffinity(0))

    @property
    def reflection(self) -> bool:
        """Whether reflection is served."""
        return self.is_dev if self.table.reflection is None else self.table.reflection

    @property
    def state_dir(self) -> Path:
        """The replica's own directory; `SettingsError` if none is set."""
        return _required("state_dir", self.table.state_dir)

    @property
    def audit_path(self) -> Path:
        """The directory of the audit files; `SettingsError` if neither it nor `state_dir` is set."""
        return self.table.audit_path or self.state_dir / "audit"

    @property
    def database_url(self) -> Secret:
        """Where the database is; `SettingsError` if that is not set."""
        return _required("database_url", self.table.database_url)

    @property
    def ledger_url(self) -> Secret:
        """Where the ledger is; `SettingsError` if that is not set."""
        return _required("ledger_url", self.table.ledger_url)

    @property
    def keyring_dir(self) -> Path:
        """The directory of the keyrings; `SettingsError` if none is set."""
        return _required("keys.directory", self.table.keys.directory)

    @property
    def access_root_key_file(self) -> Path:
        """The file of the root key of the access keyring; `SettingsError` if none is set."""
        return _required("keys.root_key_file", self.table.keys.root_key_file)

    @property
    def renewal_root_key_file(self) -> Path:
        """The file of the root key of the renewal keyring."""
        return self.table.keys.renewal_root_key_file or self.access_root_key_file

    @property
    def audit(self) -> AuditTable:
        """`[audit]`."""
        return self.table.audit

    @property
    def database(self) -> DatabaseTable:
        """`[database]`."""
        return self.table.database

    @property
    def keys(self) -> KeysTable:
        """`[keys]`."""
        return self.table.keys

    @property
    def log(self) -> LogTable:
        """`[log]`."""
        return self.table.log

    @property
    def catalogue(self) -> Catalogue:
        """The integrations by kind, and the wallets."""
        kinds = {
            name: Kind.OAUTH if isinstance(options, OAuthOptions) else Kind.LOGIN
            for name, options in self.providers.items()
        }
        return Catalogue(kinds, frozenset(self.table.wallets.names))


def store_settings(table: DatabaseTable) -> StoreSettings:
    """Return how the store speaks to its database."""
    return StoreSettings(
        checkout_timeout=table.checkout_timeout,
        connect_timeout=table.connect_timeout,
        read_timeout=table.read_timeout,
        write_timeout=table.write_timeout,
        lock_timeout=table.lock_timeout,
        driver=Driver(table.driver),
        tls=Tls(table.tls),
        tls_ca=_text(table.tls_ca),
        tls_cert=_text(table.tls_cert),
        tls_key=_text(table.tls_key),
        wsrep_sync_wait=table.wsrep_sync_wait,
        group_replication_consistency=table.group_replication_consistency,
    )


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def _required(name: str, value: T | None) -> T:
    if value is None:
        raise SettingsError([Problem(name, "is missing")])
    return value
