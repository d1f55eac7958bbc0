"""The opened keyrings as processes hold them: epochs to look up, read again when one is unknown."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from mmt_grpc.crypto.contents import KeyringContents, Kind, Label, decode, encode
from mmt_grpc.crypto.epoch import EpochKey
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import Key
from mmt_grpc.domain.errors import EpochUnknownError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock

RELOAD_INTERVAL: Final = 1 * MICROSECONDS
"""A keyring is read again at most this often: rows with a made-up epoch must not turn into calls of the root key."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Where a keyring is read again; `source` raises `KeyringError`, `OSError` or an `MmtError` if it cannot be."""

    source: Callable[[], KeyringContents]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Snapshot:
    contents: KeyringContents
    epochs: Mapping[int, EpochKey]
    current: EpochKey


class Keyring:
    """Epoch keys by number, safe to use from several threads.

    Without `reload` it stays as it is: for programs that read it, do one thing and end.
    """

    kind: Kind

    def __init__(self, *, contents: KeyringContents, reload: Reload | None = None) -> None:
        if contents.kind is not self.kind:
            raise KeyringError(f"the {contents.kind} keyring where the {self.kind} keyring belongs")
        self._snapshot = _prepare(contents)
        self._reload = reload
        self._lock = threading.Lock()
        self._reloaded_at: int | None = None
        self._is_stale = False

    @property
    def keyring_id(self) -> bytes:
        """The 16 bytes that both keyrings of an installation share."""
        return self._snapshot.contents.keyring_id

    @property
    def epochs(self) -> tuple[int, ...]:
        """The numbers of the epochs that are loaded, ascending."""
        return tuple(epoch.number for epoch in self._snapshot.contents.epochs)

    @property
    def current(self) -> EpochKey:
        """The epoch that new data keys are wrapped under."""
        return self._snapshot.current

    def find(self, number: int) -> EpochKey | None:
        """Return the key of an epoch, None if the keyring, read again, has none.

        Raises `StoreUnavailableError` if the keyring could not be read again.
        """
        return self._snapshot.epochs.get(number) or self._find_anew(number)

    def require(self, number: int) -> EpochKey:
        """Return the key of an epoch; `EpochUnknownError` if there is none, the keyring read again included."""
        try:
            key = self.find(number)
        except StoreUnavailableError:
            # Whose epoch is loaded is served all the same: a keyring that is away is no outage of all the rows.
            raise EpochUnknownError(may_arrive=True) from None
        if key is None:
            raise EpochUnknownError(may_arrive=number > max(self.epochs))
        return key

    def refresh(self) -> None:
        """Read the keyring again now; `StoreUnavailableError` if that fails, and what was loaded stays."""
        if self._reload is None:
            raise StoreUnavailableError
        with self._lock:
            self._read_again(self._reload)

    def _find_anew(self, number: int) -> EpochKey | None:
        if self._reload is None:
            return None
        with self._lock:
            # Whoever waited for the lock may find that another has read the keyring for it.
            found = self._snapshot.epochs.get(number)
            if found is None and self._may_reload(self._reload.clock):
                self._read_again(self._reload)
                found = self._snapshot.epochs.get(number)
            elif found is None and self._is_stale:
                raise StoreUnavailableError
        return found

    def _may_reload(self, clock: Clock) -> bool:
        return self._reloaded_at is None or clock.elapsed() - self._reloaded_at >= RELOAD_INTERVAL

    def _read_again(self, reload: Reload) -> None:
        self._reloaded_at = reload.clock.elapsed()
        self._is_stale = True
        try:
            contents = reload.source()
        except (KeyringError, OSError):
            raise StoreUnavailableError from None
        if contents.kind is not self.kind or contents.keyring_id != self.keyring_id:
            raise StoreUnavailableError
        self._snapshot = _prepare(contents)
        self._is_stale = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(epochs={self.epochs}, current={self.current.number})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not pickled")


class AccessKeyring(Keyring):
    """What workers and the exchanger share: the labelled keys and each epoch's access key."""

    kind = Kind.ACCESS

    def labelled(self, label: Label) -> Key:
        """Return a labelled key."""
        return self._snapshot.contents.labelled[label]

    def serialise(self) -> bytes:
        """Return the opened keyring as bytes to hand to a worker over a pipe: key material, never to be stored."""
        return encode(self._snapshot.contents)

    @classmethod
    def deserialise(cls, serialised: bytes, *, reload: Reload | None = None) -> "AccessKeyring":
        """Return the keyring that `serialise` gave; `KeyringError` for anything else."""
        return cls(contents=decode(serialised), reload=reload)


class RenewalKeyring(Keyring):
    """What only the exchanger has: each epoch's renewal key."""

    kind = Kind.RENEWAL


def _prepare(contents: KeyringContents) -> _Snapshot:
    epochs = {epoch.number: EpochKey(epoch.number, epoch.key) for epoch in contents.epochs}
    return _Snapshot(contents=contents, epochs=epochs, current=epochs[contents.current])
