"""What the exchanger needs of the settings: it alone is given providers' secrets and the way to the renewal keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmt_grpc.providers.options import ProviderOptions
from mmt_grpc.settings import codec
from mmt_grpc.settings.slices import AuditSlice, ChannelSlice, ProcessSlice, StoreSlice


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSlice:
    """Where the keyrings are, and the files of the root keys that open them."""

    directory: Path
    access_root_key_file: Path
    renewal_root_key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangerSlice:
    """All that the exchanger is given; `state_dir` holds its owner id and its spool."""

    process: ProcessSlice
    store: StoreSlice
    audit: AuditSlice
    channel: ChannelSlice
    keys: KeysSlice
    providers: Mapping[str, ProviderOptions]
    wallets: tuple[str, ...]
    state_dir: Path

    def to_bytes(self) -> bytes:
        """Return the slice for a pipe, secrets included."""
        return codec.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> "ExchangerSlice":
        """Read a slice; `SliceError` if it is none."""
        return codec.decode(cls, data)
