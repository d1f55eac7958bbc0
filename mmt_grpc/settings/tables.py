"""The shape of the configuration: every setting with its kind, default and meaning."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmt_grpc.settings.kinds import Address, Addresses, FilePath, SecretText, Words

MEBIBYTE = 1024 * 1024


class Table(BaseModel):
    """A table of settings: unknown names are refused, and no error quotes what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Any) -> Any:  # noqa: ANN401  # what was given may be anything
        """Leave out empty texts of settings that may be unset: an environment often cannot leave a variable out."""
        if not isinstance(given, dict):
            return given
        optional = {
            name for name, field in cls.model_fields.items() if field.default is None and not field.is_required()
        }
        return {name: value for name, value in given.items() if value != "" or name not in optional}


class AuditTable(Table):
    """`[audit]`: how audit records are kept."""

    durability: Literal["kernel", "fsync"] = Field(
        default="kernel",
        description="What an answer waits for: `kernel`, that its record survives the death of every process (and "
        "reaches the disk within 100 ms); `fsync`, that it survives a power cut.",
    )
    rotate_bytes: int = Field(
        default=256 * MEBIBYTE,
        ge=64 * 1024,
        description="The size in bytes at which the chain goes on in another file.",
    )


class DatabaseTable(Table):
    """`[database]`: how the database, and a ledger on a server, are spoken to. Waits in seconds."""

    pool_size: int = Field(default=16, ge=1, le=256, description="Connections of one process to the database.")
    driver: Literal["pymysql", "mysqlclient"] = Field(
        default="pymysql", description="The client library for MySQL and MariaDB; `mysqlclient` is faster and an extra."
    )
    checkout_timeout: float = Field(
        default=2.0, gt=0, le=60, description="How long a call waits for a free connection."
    )
    connect_timeout: float = Field(default=2.0, gt=0, le=60, description="How long connecting may take.")
    read_timeout: float = Field(default=5.0, gt=0, le=60, description="How long an answer may take.")
    write_timeout: float = Field(default=5.0, gt=0, le=60, description="How long sending may take.")
    lock_timeout: float = Field(default=4.0, gt=0, le=60, description="How long a statement waits for another's lock.")
    tls: Literal["auto", "off", "verify"] = Field(
        default="auto", description="`verify` the server's certificate; `auto` does so too, but not on this machine."
    )
    tls_ca: FilePath | None = Field(
        default=None, description="File of the authorities to verify against; else the system's."
    )
    tls_cert: FilePath | None = Field(default=None, description="File of the certificate to present.")
    tls_key: FilePath | None = Field(default=None, description="File of that certificate's key.")
    wsrep_sync_wait: int | None = Field(
        default=None, ge=0, le=15, description="Galera: 7 makes every statement see what any node has acknowledged."
    )
    group_replication_consistency: (
        Literal["EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE", "AFTER", "BEFORE_AND_AFTER"] | None
    ) = Field(default=None, description="Group Replication: `BEFORE` does the same there.")


class KeysTable(Table):
    """`[keys]`: where the keyrings are, and what opens them."""

    directory: FilePath | None = Field(
        default=None,
        description="Directory of `access.keyring` and `renewal.keyring`, shared by the replicas. Required.",
    )
    root_key_file: FilePath | None = Field(
        default=None, description="File of the root key that wraps the keyrings, mode 0600. Required."
    )
    renewal_root_key_file: FilePath | None = Field(
        default=None, description="File of a root key of its own for the renewal keyring; else `keys.root_key_file`."
    )


class WalletsTable(Table):
    """`[wallets]`: self-custody wallets, whose connections hold no token."""

    names: Words = Field(
        default=(
            "metamask",
            "walletconnect",
            "phantom",
            "ledger",
            "trezor",
            "trustwallet",
            "rainbow",
            "coinbasewallet",
        ),
        description="Names that are answered with `TOKEN_NOT_REQUIRED`.",
    )


class LogTable(Table):
    """`[log]`: the events on standard error."""

    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`console` for people, `json` for programs; `auto`: `console` on a terminal."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is written."
    )


class SettingsTable(Table):
    """The top level. Times are seconds, sizes bytes."""

    mode: Literal["production", "dev"] | None = Field(
        default=None,
        description="What the installation must be; unset: whatever it is, under the rules of `production`.",
    )
    listen: Addresses = Field(default=("127.0.0.1:50051",), min_length=1, description="Addresses to serve gRPC on.")
    allow_plaintext: bool = Field(default=False, description="Serve without TLS; on loopback addresses only.")
    tls_certificate: FilePath | None = Field(default=None, description="File of the server's certificate chain (PEM).")
    tls_key: FilePath | None = Field(default=None, description="File of its private key (PEM).")
    workers: int | None = Field(default=None, ge=1, le=256, description="Worker processes; unset: as many as cores.")
    pin_workers: bool = Field(
        default=True, description="Keep each worker on a core of its own, where there are enough."
    )
    max_calls: int = Field(default=128, ge=1, le=4096, description="Calls that a worker serves at once.")
    revoke_slots: int = Field(
        default=16, ge=1, le=1024, description="Further calls that it serves if they are Revokes."
    )
    refresh_waiters: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Calls of a worker that may wait for one provider at once, and half as many Revokes besides; "
        "for all providers together three quarters of `max_calls`, and three sixteenths.",
    )
    default_deadline: float = Field(default=10.0, gt=0, le=300, description="The deadline of a call that brings none.")
    max_connection_age: float = Field(
        default=30.0,
        ge=1,
        le=86_400,
        description="Age at which a connection is asked to reconnect, so that workers share the load; a roll waits "
        "for it, so that no call is lost with a connection.",
    )
    grace: float = Field(
        default=15.0, ge=0, le=600, description="How long calls in progress may take when the service stops."
    )
    restart_pause: float = Field(
        default=10.0,
        ge=0.1,
        le=300,
        description="The longest pause before a process that dies again and again is started again; it begins at 0.1.",
    )
    reflection: bool | None = Field(default=None, description="Serve gRPC reflection; unset: only in `dev`.")
    state_dir: FilePath | None = Field(
        default=None,
        description="This replica's own directory, on a disk that survives restarts: spool and audit files.",
    )
    audit_path: FilePath | None = Field(
        default=None, description="Directory of audit files; unset: `audit` in `state_dir`."
    )
    database_url: SecretText | None = Field(
        default=None,
        description="`mysql://user:password@host:port/name`, `mariadb://…` or `sqlite:////absolute/path`; options of "
        "`[database]` may stand in its query. Required.",
    )
    ledger_url: SecretText | None = Field(
        default=None,
        description="Where revocations are remembered, outside the database and its backups; a URL like "
        "`database_url`. SQLite only beside an SQLite database or in `dev`. Required.",
    )
    metrics_listen: Address | None = Field(
        default=None, description="Loopback address that answers `GET /metrics` to Prometheus; unset: none."
    )
    audit: AuditTable = Field(default_factory=AuditTable)
    database: DatabaseTable = Field(default_factory=DatabaseTable)
    keys: KeysTable = Field(default_factory=KeysTable)
    wallets: WalletsTable = Field(default_factory=WalletsTable)
    log: LogTable = Field(default_factory=LogTable)
