"""Whether anything of a connection is left in the files of an installation."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.app.demo_installation import DemoInstallation
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.domain import token_id as token_ids
from mmt_grpc.domain.ports.store import Reading
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import TokenRow

PATIENCE: Final = 15.0
"""Seconds: where a reader stood in the way, the write-ahead log is emptied with the next heartbeat."""
_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Found:
    """In how many places something was found, by the file's name."""

    places: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many pieces were found in all."""
        return sum(self.places.values())

    def __str__(self) -> str:
        return ", ".join(f"{count} in {name}" for name, count in self.places.items() if count) or "nothing"


def sealed_pieces(installation: DemoInstallation, known: Iterable[str]) -> list[bytes]:
    """Return every sealed piece and the identity key of the rows of these token ids, as they stand in the database."""
    pieces: list[bytes] = []
    with installation.administration() as administration:
        index = KeyedIndex(access_keyring=administration.keyring)
        clients = [client.client_id for client in administration.clients()]
        for text in known:
            for client in clients:
                key = index.token_key(client, text)
                reading: Reading[TokenRow | None] = administration.store.tokens.read(token_ids.shard_of(text), key)
                if reading.row is not None:
                    pieces += _pieces(reading.row)
    return pieces


def _pieces(row: TokenRow) -> Iterator[bytes]:
    sealed = row.sealed
    yield from (row.binding.identity_key, sealed.access_key, sealed.renewal_key, sealed.access_blob)
    yield sealed.metadata_blob
    if sealed.renewal_blob is not None:
        yield sealed.renewal_blob


def search(installation: DemoInstallation, pieces: Iterable[bytes]) -> Found:
    """Look for pieces in every file of database, ledger, spool, audit and log."""
    wanted = list(pieces)
    places: dict[str, int] = {}
    for path in _files(installation):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        places[path.name] = sum(piece in content for piece in wanted)
    return Found(places)


def search_until_gone(installation: DemoInstallation, pieces: Iterable[bytes]) -> Found:
    """Look until nothing is found, or patience ends."""
    wanted = list(pieces)
    give_up = time.monotonic() + PATIENCE
    while (found := search(installation, wanted)).count and time.monotonic() < give_up:
        time.sleep(_PAUSE)
    return found


def texts(secrets: Iterable[Secret]) -> list[bytes]:
    """Return secrets as they would stand in a file."""
    return sorted({secret.reveal().encode() for secret in secrets})


def _files(installation: DemoInstallation) -> Iterator[Path]:
    """Yield the service's files: what the caller keeps beside them, and the exchange's own books, are not its."""
    state = installation.state_dir
    for pattern in ("mmt.db*", "ledger.db*", "dev.log", "spool/*"):
        yield from sorted(state.glob(pattern))
    yield from sorted(installation.audit_path.iterdir())
