"""Attempts as they are read from this replica's disk: one that cannot be read costs its own token's certainty, no more.

A record that is whole may not tell what it holds now, and yet tell later: its disk answers an error and may answer
again, its key epoch is not in the keyring and may be put back. One that is damaged never will.
"""

import errno
import struct
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.sealing import RecordSealing
from mmt_grpc.exchange.attempt_records import (
    Answer,
    AttemptRecord,
    Intent,
    Kept,
    decode_answer,
    decode_intent,
)
from mmt_grpc.exchange.spool_listing import names_in

PREFIX: Final = "attempt-"
SUFFIX: Final = ".record"
INTENT: Final = "intent"
ANSWER: Final = "answer"
ANSWER_AT: Final = 4096
"""Where the sealed answer stands in a file, bytes; the sealed intent stands at 0, each behind its length."""
LENGTH: Final = struct.Struct(">I")


class UnreadableError(Exception):
    """A record cannot be read now; `why` is a fixed word or the name of an error number."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class AttemptReader:
    """Reads the attempts in a directory; each file that cannot be read is told of once in a life."""

    def __init__(self, *, directory: Path, sealing: RecordSealing, log: EventLog) -> None:
        self._directory = directory
        self._sealing = sealing
        self._log = log
        self._told: set[bytes] = set()

    def read(self, *, skip: Collection[bytes]) -> tuple[Kept, Sequence[bytes]]:
        """Return what is kept but for the attempts in `skip`, and the attempts whose intents never were whole.

        Raises `StoreUnavailableError` if it cannot even be listed.
        """
        records: list[AttemptRecord] = []
        unreadable: set[bytes] = set()
        torn: list[bytes] = []
        for attempt_id in self._listed(skip):
            try:
                content = self._content(attempt_id)
                if content is None:
                    continue
                if not part(content, 0):
                    torn.append(attempt_id)
                    continue
                record = self._opened(attempt_id, content)
            except UnreadableError as error:
                unreadable.add(attempt_id)
                self._tell(attempt_id, error.why)
                continue
            if record is not None:
                records.append(record)
        records.sort(key=lambda record: (record.intent.token_key, record.intent.generation))
        return Kept(records, frozenset(unreadable)), torn

    def knows(self, attempt_id: bytes) -> bool:
        """Whether anything is kept of an attempt, readable or not."""
        try:
            content = self._content(attempt_id)
        except UnreadableError:
            return True
        return content is not None and bool(part(content, 0))

    def _listed(self, skip: Collection[bytes]) -> Sequence[bytes]:
        """List the attempts but for those in `skip`; of files that are called almost alike the spool tells."""
        try:
            names = names_in(self._directory)
        except OSError:
            raise StoreUnavailableError from None
        ids = {attempt_id for name in names if (attempt_id := id_of(name)) is not None}
        return sorted(ids.difference(skip))

    def _content(self, attempt_id: bytes) -> bytes | None:
        try:
            return (self._directory / name_of(attempt_id)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(errno.errorcode.get(error.errno or 0, "unknown")) from None

    def _opened(self, attempt_id: bytes, content: bytes) -> AttemptRecord | None:
        """Open a record whose intent is whole; one that is damaged may have been sent, and counts as no record."""
        opened = self._open(INTENT, part(content, 0))
        if opened is None:
            self._tell(attempt_id, "damaged intent")
            return None
        intent = self._decoded(opened)
        sealed = part(content, ANSWER_AT)
        return AttemptRecord(intent, self._answer(intent, sealed) if sealed else None)

    @staticmethod
    def _decoded(opened: bytes) -> Intent:
        try:
            return decode_intent(opened)
        except ValueError:
            raise UnreadableError("another version's intent") from None

    def _answer(self, intent: Intent, sealed: bytes) -> Answer | None:
        """Open an answer; one that is torn counts as none."""
        opened = self._open(ANSWER, sealed)
        if opened is None:
            self._tell(intent.attempt_id, "damaged answer")
            return None
        try:
            return decode_answer(opened.removeprefix(intent.attempt_id))
        except ValueError:
            raise UnreadableError("another version's answer") from None

    def _open(self, purpose: str, sealed: bytes) -> bytes | None:
        """Open a part, None if it is damaged."""
        try:
            return self._sealing.open_record(purpose, sealed)
        except StoreUnavailableError:
            raise UnreadableError("keyring unavailable") from None
        except CredentialUnreadableError:
            if self._sealing.lacks_key(sealed):
                raise UnreadableError("key epoch not in the keyring") from None
            return None

    def _tell(self, attempt_id: bytes, why: str) -> None:
        if attempt_id not in self._told:
            self._told.add(attempt_id)
            self._log.error("attempt_unreadable", file=name_of(attempt_id), why=why)


def name_of(attempt_id: bytes) -> str:
    """Return the name of an attempt's file."""
    return f"{PREFIX}{attempt_id.hex()}{SUFFIX}"


def id_of(name: str) -> bytes | None:
    """Return the attempt that a file belongs to by its name, None if it is not what `name_of` gives."""
    if not name.startswith(PREFIX):
        return None
    try:
        attempt_id = bytes.fromhex(name[len(PREFIX) : -len(SUFFIX)])
    except ValueError:
        return None
    return attempt_id if attempt_id and name_of(attempt_id) == name else None


def part(content: bytes, at: int) -> bytes:
    """Return the sealed part that begins at `at`, empty if there is none."""
    if len(content) < at + LENGTH.size:
        return b""
    (length,) = LENGTH.unpack_from(content, at)
    return content[at + LENGTH.size : at + LENGTH.size + length]
