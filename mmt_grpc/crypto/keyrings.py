"""An installation's pair of keyrings: loaded by processes, made and given new epochs by administration."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mmt_grpc.crypto.contents import KEYRING_ID_LENGTH, Epoch, KeyringContents, Kind, Label
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import KEY_LENGTH, Key
from mmt_grpc.crypto.keyring import AccessKeyring, Reload, RenewalKeyring
from mmt_grpc.crypto.keyring_file import FILE_NAMES, read_keyring, write_keyring
from mmt_grpc.crypto.root_key import RootKey
from mmt_grpc.domain.ports.clock import Clock, Randomness

FIRST_EPOCH: Final = 1


def load_access_keyring(*, directory: Path, root_key: RootKey, clock: Clock | None = None) -> AccessKeyring:
    """Load `access.keyring`; `KeyringError` if it does not open.

    With a `clock` it is read again when an epoch is unknown, at most once a second; without, it stays as it is.
    """
    source = _Source(directory / FILE_NAMES[Kind.ACCESS], Kind.ACCESS, root_key)
    return AccessKeyring(contents=source.read(), reload=None if clock is None else Reload(source.read, clock))


def load_renewal_keyring(*, directory: Path, root_key: RootKey, clock: Clock | None = None) -> RenewalKeyring:
    """Load `renewal.keyring`, as `load_access_keyring` does."""
    source = _Source(directory / FILE_NAMES[Kind.RENEWAL], Kind.RENEWAL, root_key)
    return RenewalKeyring(contents=source.read(), reload=None if clock is None else Reload(source.read, clock))


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    kind: Kind
    root_key: RootKey

    def read(self) -> KeyringContents:
        return read_keyring(self.path, self.kind, root_key=self.root_key)


@dataclass(frozen=True, slots=True)
class EpochStatus:
    """An epoch as people may see it; `created_at` in Unix microseconds."""

    number: int
    created_at: int
    is_current: bool
    in_access: bool
    in_renewal: bool


@dataclass(frozen=True, slots=True)
class KeyringStatus:
    """What `mmt keys status` shows: no key material. Root keys as `kind:id`."""

    keyring_id: str
    access_root: str
    renewal_root: str
    epochs: tuple[EpochStatus, ...]


class KeyringPair:
    """Both keyring files and the root keys that open them; every method raises `KeyringError` if it cannot be done."""

    def __init__(self, *, directory: Path, access_root: RootKey, renewal_root: RootKey, randomness: Randomness) -> None:
        self._directory = directory
        self._roots: Mapping[Kind, RootKey] = {Kind.ACCESS: access_root, Kind.RENEWAL: renewal_root}
        self._randomness = randomness

    def init(self, *, created_at: int) -> None:
        """Make both keyrings, with the first epoch current; refuses if either file exists.

        The directory is made if it is missing. The access keyring is written last: nothing is sealed without it.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise KeyringError(f"{self._directory}: {error.strerror}") from None
        with self._locked():
            for kind in Kind:
                if self._path(kind).exists():
                    raise KeyringError(f"{self._path(kind)} exists already and is not overwritten")
            keyring_id = self._randomness.random_bytes(KEYRING_ID_LENGTH)
            labelled = {label: self._new_key() for label in Label}
            for kind in (Kind.RENEWAL, Kind.ACCESS):
                contents = KeyringContents(
                    kind=kind,
                    keyring_id=keyring_id,
                    current=FIRST_EPOCH,
                    epochs=(Epoch(FIRST_EPOCH, created_at, self._new_key()),),
                    labelled=labelled if kind is Kind.ACCESS else {},
                )
                self._write(contents, overwrite=False)

    def status(self) -> KeyringStatus:
        """Return what is in both files."""
        rings = self._read_both()
        numbers = {kind: {epoch.number for epoch in ring.epochs} for kind, ring in rings.items()}
        created = {epoch.number: epoch.created_at for ring in rings.values() for epoch in ring.epochs}
        return KeyringStatus(
            keyring_id=rings[Kind.ACCESS].keyring_id.hex(),
            access_root=self._root_name(Kind.ACCESS),
            renewal_root=self._root_name(Kind.RENEWAL),
            epochs=tuple(
                EpochStatus(
                    number=number,
                    created_at=created_at,
                    is_current=number == rings[Kind.ACCESS].current,
                    in_access=number in numbers[Kind.ACCESS],
                    in_renewal=number in numbers[Kind.RENEWAL],
                )
                for number, created_at in sorted(created.items())
            ),
        )

    def add_epoch(self, *, created_at: int) -> int:
        """Add an epoch to both keyrings without writing under it yet; return its number.

        What an interrupted call left in one file only is completed instead, under its number.
        """
        with self._locked():
            rings = self._read_both()
            newest = {ring.epochs[-1].number for ring in rings.values()}
            number = max(newest) if len(newest) > 1 else max(newest) + 1
            for ring in rings.values():
                if ring.epochs[-1].number < number:
                    epoch = Epoch(number, created_at, self._new_key())
                    self._write(replace(ring, epochs=(*ring.epochs, epoch)), overwrite=True)
            return number

    def make_current(self, number: int) -> None:
        """Have new data keys wrapped under an epoch. The caller has seen that every replica has loaded it."""
        with self._locked():
            # Making the contents checks that the epoch is there: in both, before either is written.
            for ring in [replace(ring, current=number) for ring in self._read_both().values()]:
                self._write(ring, overwrite=True)

    def _read_both(self) -> Mapping[Kind, KeyringContents]:
        """Read both keyrings, in the order in which they are written: what rows are written by comes last."""
        rings = {
            kind: read_keyring(self._path(kind), kind, root_key=self._roots[kind])
            for kind in (Kind.RENEWAL, Kind.ACCESS)
        }
        if len({ring.keyring_id for ring in rings.values()}) > 1:
            raise KeyringError("the access and the renewal keyring belong to different installations")
        return rings

    def _write(self, contents: KeyringContents, *, overwrite: bool) -> None:
        write_keyring(
            self._path(contents.kind),
            contents,
            root_key=self._roots[contents.kind],
            randomness=self._randomness,
            replace=overwrite,
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other administration of the same directory out; processes that read need no lock."""
        try:
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise KeyringError(f"{self._directory}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _new_key(self) -> Key:
        return Key(self._randomness.random_bytes(KEY_LENGTH))

    def _path(self, kind: Kind) -> Path:
        return self._directory / FILE_NAMES[kind]

    def _root_name(self, kind: Kind) -> str:
        return f"{self._roots[kind].kind}:{self._roots[kind].key_id}"
