"""What is known of an attempt on disk: that it was about to be sent, and what the provider answered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mmt_grpc.domain.framing import frame, unframe
from mmt_grpc.domain.model import BearerToken
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import TokenRow, TokenState

_WIDTH: Final = 8


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt that may have been sent: `generation` is the one it set out to replace.

    `grant_number` and `connected_at` say by which Connect the row had come to its credentials, `leased_at` when it was
    leased; both times of the database, microseconds. A clock that is set back puts Connects out of order by their
    times, a failover takes one back and numbers the next alike. A record of an older version has no number.
    """

    attempt_id: bytes
    shard: int
    token_key: bytes
    integration: str
    generation: int
    connected_at: int
    leased_at: int
    grant_number: int | None

    def grant_order(self, row: TokenRow) -> int:
        """Compare the attempt's grant with its row's: below 0 if it is an earlier one, 0 the same, above 0 a later."""
        number = row.grant_number if self.grant_number is None else self.grant_number
        return (number - row.grant_number) or (self.connected_at - row.connected_at)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider gave; `sent_at` is the database's time at which the POST was written, microseconds.

    `expires_in` and `renewal_expires_in` in seconds from then, as in `Issued`.
    """

    access_token: Secret
    renewal: Secret | None
    sent_at: int
    expires_in: float | None
    renewal_expires_in: float | None

    @classmethod
    def of(cls, issued: Issued, *, sent_at: int) -> "Answer | None":
        """Return what a refresh brought as an answer, None if it is no bearer token."""
        if not isinstance(issued.credential, BearerToken):
            return None
        token = issued.credential.token
        return cls(token, issued.renewal, sent_at, issued.expires_in, issued.renewal_expires_in)

    def issued(self) -> Issued:
        """Return the answer as the provider gave it."""
        return Issued(
            credential=BearerToken(self.access_token),
            renewal=self.renewal,
            expires_in=self.expires_in,
            granted_scopes=None,
            renewal_expires_in=self.renewal_expires_in,
        )


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An intent with its answer, None if there is none."""

    intent: Intent
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a disk has of attempts: `records` by token and the oldest generation first.

    `unreadable` are the ids of those that may have been sent and answered, though nothing can be read of them now.
    """

    records: Sequence[AttemptRecord]
    unreadable: Collection[bytes] = frozenset()


class AttemptLog(Protocol):
    """A replica's disk, as far as attempts are on it.

    Every method that changes it returns when the disk has it, or raises `StoreUnavailableError`.
    """

    def intend(self, intent: Intent) -> None:
        """Keep an intent, with the room that its answer will take."""
        ...

    def answer(self, intent: Intent, answer: Answer) -> None:
        """Keep the answer of an intent that is kept."""
        ...

    def scrub(self, attempt_id: bytes) -> None:
        """Forget an attempt; one that is not there is fine."""
        ...

    def knows(self, attempt_id: bytes) -> bool:
        """Whether anything is kept of an attempt, readable or not: then it may have been sent."""
        ...

    def read(self, *, skip: Collection[bytes] = ()) -> Kept:
        """Return what is kept; attempts in `skip` are not read.

        A record that is damaged is in neither part: no day brings back what it held. Raises `StoreUnavailableError` if
        the disk cannot even say what there is.
        """
        ...


def encode_intent(intent: Intent) -> bytes:
    """Return an intent as bytes."""
    return frame(
        intent.attempt_id,
        intent.shard.to_bytes(_WIDTH),
        intent.token_key,
        intent.integration.encode(),
        intent.generation.to_bytes(_WIDTH),
        intent.connected_at.to_bytes(_WIDTH),
        intent.leased_at.to_bytes(_WIDTH),
        *(() if intent.grant_number is None else (intent.grant_number.to_bytes(_WIDTH),)),
    )


def decode_intent(content: bytes) -> Intent:
    """Return what `encode_intent` wrote, in this version or the one before; `ValueError` for anything else."""
    attempt_id, shard, token_key, integration, generation, connected_at, leased_at, *added = unframe(content)
    if len(added) > 1:
        raise ValueError("an intent of a newer version")
    return Intent(
        attempt_id=attempt_id,
        shard=int.from_bytes(shard),
        token_key=token_key,
        integration=integration.decode(),
        generation=int.from_bytes(generation),
        connected_at=int.from_bytes(connected_at),
        leased_at=int.from_bytes(leased_at),
        grant_number=int.from_bytes(added[0]) if added else None,
    )


def encode_answer(answer: Answer) -> bytes:
    """Return an answer as bytes."""
    return frame(
        answer.access_token.reveal().encode(),
        b"" if answer.renewal is None else answer.renewal.reveal().encode(),
        answer.sent_at.to_bytes(_WIDTH),
        _seconds(answer.expires_in),
        _seconds(answer.renewal_expires_in),
    )


def decode_answer(content: bytes) -> Answer:
    """Return what `encode_answer` wrote; `ValueError` for anything else."""
    access_token, renewal, sent_at, expires_in, renewal_expires_in = unframe(content)
    return Answer(
        access_token=Secret(access_token.decode()),
        renewal=Secret(renewal.decode()) if renewal else None,
        sent_at=int.from_bytes(sent_at),
        expires_in=float(expires_in) if expires_in else None,
        renewal_expires_in=float(renewal_expires_in) if renewal_expires_in else None,
    )


def _seconds(seconds: float | None) -> bytes:
    return b"" if seconds is None else repr(seconds).encode()


def is_recorded(row: TokenRow, records: Sequence[AttemptRecord]) -> bool:
    """Whether the disk tells of the row's attempt; if none runs, whether it holds an answer that is not older."""
    own = [record for record in records if record.intent.token_key == row.binding.token_key]
    if row.state is TokenState.REFRESHING:
        return any(record.intent.attempt_id == row.attempt_id for record in own)
    return any(record.answer is not None and record.intent.generation >= row.binding.generation for record in own)
