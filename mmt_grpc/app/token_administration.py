"""The composition root of `mmt token status|discard`: one row, looked at or removed without its client."""

import contextlib
import enum
import uuid
from dataclasses import dataclass
from typing import Final

from mmt_grpc.app.administration import Administration, RefusedError
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.rows import RowAccessSealing
from mmt_grpc.domain import token_id as token_ids
from mmt_grpc.domain.auditing import FAILED, Trail
from mmt_grpc.domain.errors import CredentialUnreadableError, MmtError, StoreOutcomeUnknownError
from mmt_grpc.domain.model import Cause
from mmt_grpc.domain.ports.audit import Audit, AuditRecord, Phase
from mmt_grpc.domain.ports.store import Reading
from mmt_grpc.domain.token_row import TokenRow, is_unexpired

OWN_WORK: Final = "mmt"
METHOD: Final = "Discard"


class Readable(enum.Enum):
    """Whether a row's credential and metadata open."""

    YES = "yes"
    NO = "no"
    """Something was changed, or it was sealed with other keys."""
    EPOCH_DESTROYED = "no: its key epoch was destroyed"
    EPOCH_NEWER = "not with this keyring, which is older than the row"


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """A row, the database's time of reading it (Unix microseconds), and whether it can be read."""

    row: TokenRow
    now: int
    readable: Readable

    @property
    def is_alive(self) -> bool:
        """Whether its credential has not expired and nothing is known against it."""
        return self.row.reason is None and is_unexpired(self.row.access_expires_at, self.now)

    @property
    def cause(self) -> Cause | None:
        """Why the end user would be asked to log in again; None if not."""
        if self.row.reason is not None:
            return self.row.reason
        ended = not is_unexpired(self.row.access_expires_at, self.now) and self.row.sealed.renewal_blob is None
        return Cause.EXPIRED if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAdministration:
    """One token of one client, by what its client knows of it: client id and token id."""

    administration: Administration
    client_id: str
    token_id: str

    def status(self) -> TokenStatus:
        """Look at the row; `RefusedError` if there is none."""
        reading = self._read()
        if reading.row is None:
            raise RefusedError("this client has no such token")
        return TokenStatus(reading.row, reading.now, self._readable(reading.row))

    def unreadable(self) -> TokenStatus:
        """Look at a row that may be discarded; `RefusedError` if there is none, or one that can be read.

        Revoking tells the exchange too; discarding cannot.
        """
        status = self.status()
        if status.readable is Readable.YES:
            raise RefusedError("the token can be read: revoke it, so that the exchange is told")
        if status.readable is Readable.EPOCH_NEWER:
            raise RefusedError("the token may be read with a newer keyring: use the replicas' own")
        return status

    def discard(self, status: TokenStatus, audit: Audit) -> int:
        """Remove an unreadable row for good, audited before and after, and in the ledger.

        Returns when it was deleted (Unix microseconds of the database's clock).
        """
        binding = status.row.binding
        record = AuditRecord(
            call_id=str(uuid.uuid4()),
            caller=OWN_WORK,
            client_id=self.client_id,
            method=METHOD,
            phase=Phase.INTENT,
            token_key=binding.token_key,
            integration=binding.integration,
            generation=binding.generation,
            key_epoch=status.row.sealed.key_epoch,
        )
        entries = Trail(audit, record)
        entries.intend()
        try:
            self.administration.ledger.record(status.row.shard, binding.token_key)
            deleted_at = self._delete(status.row)
        except MmtError as error:
            entries.fail(FAILED, error.reason)
            raise
        entries.succeed()
        return deleted_at

    def _delete(self, row: TokenRow) -> int:
        """Delete, however often the row moves under it: the ledger has condemned it already."""
        while True:
            with contextlib.suppress(StoreOutcomeUnknownError):
                deleted_at = self.administration.store.tokens.delete(row)
                if deleted_at is not None:
                    return deleted_at
            seen = self._read()
            if seen.row is None:
                return seen.now
            row = seen.row

    def _read(self) -> Reading[TokenRow | None]:
        shard, key = self._place()
        return self.administration.store.tokens.read(shard, key)

    def _place(self) -> tuple[int, bytes]:
        text = token_ids.normalise(self.token_id)
        if text is None:
            raise RefusedError("a token id is a UUID of 36 characters")
        index = KeyedIndex(access_keyring=self.administration.keyring)
        return token_ids.shard_of(text), index.token_key(self.client_id, text)

    def _readable(self, row: TokenRow) -> Readable:
        epochs = self.administration.keyring.epochs
        if row.sealed.key_epoch not in epochs:
            return Readable.EPOCH_NEWER if row.sealed.key_epoch > max(epochs) else Readable.EPOCH_DESTROYED
        sealing = RowAccessSealing(access_keyring=self.administration.keyring)
        access = self.administration.store.tokens.read_access(*self._place(), metadata=True).row
        try:
            if access is not None:
                sealing.open_metadata(access)
                sealing.open_access(access)
        except CredentialUnreadableError:
            return Readable.NO
        return Readable.YES
