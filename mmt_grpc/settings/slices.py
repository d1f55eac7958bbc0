"""What each child needs of the settings, and nothing else: made by the supervisor, sent over a pipe.

A worker's slice holds neither a provider's options nor the way to a key; what it may open comes opened. Reading a slice
back imports no validation: the supervisor has done that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmt_grpc.domain.catalogue import Kind
from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings import codec
from mmt_grpc.store.settings import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSlice:
    """What every child has. `role` is `worker-0`, `exchanger`, …, `life` 16 random bytes of this very process."""

    role: str
    life: bytes
    is_dev: bool
    log_format: Literal["auto", "json", "console"]
    log_level: Literal["debug", "info", "warning", "error"]
    metrics_dir: Path | None
    """Where metric values are shared; None: they are not shown, and none are kept."""
    grace: float
    """Seconds that work in progress may take when the process is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSlice:
    """The database and the ledger."""

    database_url: Secret
    ledger_url: Secret
    pool_size: int
    options: StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSlice:
    """Where and how audit records are written."""

    path: Path
    durability: Literal["kernel", "fsync"]
    rotate_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSlice:
    """Where gRPC is served; without a certificate on loopback only."""

    addresses: tuple[str, ...]
    tls_certificate: Path | None
    tls_key: Path | None
    allow_plaintext: bool
    reflection: bool
    so_reuseport: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSlice:
    """How much a worker does at once; times in seconds."""

    max_calls: int
    revoke_slots: int
    refresh_waiters: int
    default_deadline: float
    max_connection_age: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSlice:
    """The socket between workers and exchanger, and the secret that its callers know."""

    socket: Path
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSlice:
    """All that a worker is given. `core` is the core it is pinned to, None for any.

    `keyring` holds the opened access keyring, in whatever form whoever opened it wrote it.
    """

    process: ProcessSlice
    store: StoreSlice
    audit: AuditSlice
    listen: ListenSlice
    limits: LimitsSlice
    channel: ChannelSlice
    integrations: Mapping[str, Kind]
    wallets: tuple[str, ...]
    keyring: bytes
    core: int | None

    def to_bytes(self) -> bytes:
        """Return the slice for a pipe, secrets included."""
        return codec.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "WorkerSlice":
        """Read a slice; `SliceError` if it is none."""
        return codec.decode(cls, data)
