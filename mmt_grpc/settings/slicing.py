"""Cutting the settings into what each child is given."""

from dataclasses import dataclass
from pathlib import Path

from mmt_grpc.settings.exchanger_slice import ExchangerSlice, KeysSlice
from mmt_grpc.settings.settings import Settings, store_settings
from mmt_grpc.settings.slices import (
    AuditSlice,
    ChannelSlice,
    LimitsSlice,
    ListenSlice,
    ProcessSlice,
    StoreSlice,
    WorkerSlice,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What the supervisor decides when it starts a child: its role, its life, and where the others are."""

    role: str
    life: bytes
    channel: ChannelSlice
    metrics_dir: Path | None


def worker_slice(
    settings: Settings, birth: Birth, *, addresses: tuple[str, ...], keyring: bytes, core: int | None
) -> WorkerSlice:
    """Return a worker's slice; `addresses` are those that the supervisor holds, their ports chosen."""
    table = settings.table
    return WorkerSlice(
        process=_process(settings, birth),
        store=store_slice(settings),
        audit=_audit(settings),
        listen=ListenSlice(
            addresses=addresses,
            tls_certificate=table.tls_certificate,
            tls_key=table.tls_key,
            allow_plaintext=table.allow_plaintext,
            reflection=settings.reflection,
            so_reuseport=True,
        ),
        limits=LimitsSlice(
            max_calls=table.max_calls,
            revoke_slots=table.revoke_slots,
            refresh_waiters=table.refresh_waiters,
            default_deadline=table.default_deadline,
            max_connection_age=table.max_connection_age,
        ),
        channel=birth.channel,
        integrations=settings.catalogue.kinds,
        wallets=table.wallets.names,
        keyring=keyring,
        core=core,
    )


def exchanger_slice(settings: Settings, birth: Birth) -> ExchangerSlice:
    """Return the exchanger's slice."""
    return ExchangerSlice(
        process=_process(settings, birth),
        store=store_slice(settings),
        audit=_audit(settings),
        channel=birth.channel,
        keys=KeysSlice(
            directory=settings.keyring_dir,
            access_root_key_file=settings.access_root_key_file,
            renewal_root_key_file=settings.renewal_root_key_file,
        ),
        providers=settings.providers,
        wallets=settings.table.wallets.names,
        state_dir=settings.state_dir,
    )


def store_slice(settings: Settings) -> StoreSlice:
    """Return what opens the database and the ledger."""
    return StoreSlice(
        database_url=settings.database_url,
        ledger_url=settings.ledger_url,
        pool_size=settings.database.pool_size,
        options=store_settings(settings.database),
    )


def _process(settings: Settings, birth: Birth) -> ProcessSlice:
    return ProcessSlice(
        role=birth.role,
        life=birth.life,
        is_dev=settings.is_dev,
        log_format=settings.log.format,
        log_level=settings.log.level,
        metrics_dir=birth.metrics_dir,
        grace=settings.table.grace,
    )


def _audit(settings: Settings) -> AuditSlice:
    return AuditSlice(
        path=settings.audit_path,
        durability=settings.audit.durability,
        rotate_bytes=settings.audit.rotate_bytes,
    )
