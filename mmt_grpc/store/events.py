"""The outbox: what happened to a token, written in the transaction in which it happened."""

import enum
from collections.abc import Callable
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.token_row import Binding
from mmt_grpc.store.session import Session

OnEvent = Callable[[str, str], None]
"""Told of each event that is committed: its kind and the integration."""

Randomness = Callable[[int], bytes]
"""Returns that many random bytes."""

_MICROSECONDS_PER_MILLISECOND: Final = 1_000
_TIME_SHIFT: Final = 80
_VERSION: Final = 0x7 << 76
_VERSION_BITS: Final = 0xF << 76
_VARIANT: Final = 0b10 << 62
_VARIANT_BITS: Final = 0b11 << 62

_INSERT: Final = (
    "INSERT INTO event (id, shard, token_key, kind, generation, at, payload) "
    "VALUES (:event_id, :shard, :token_key, :kind, :generation, :at, :payload)"
)


class Event(enum.StrEnum):
    """What can happen to a token; a lease and its release change nothing that anybody outside could see."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    REFRESHED = "refreshed"
    DOUBTED = "doubted"
    CONDEMNED = "condemned"
    ROTATION_LOST = "rotation_lost"
    REINSTATED = "reinstated"
    REVOKED = "revoked"


KEPT_FOR: Final = 7 * 24 * 60 * 60 * MICROSECONDS
"""How long an event stays: whoever reads the outbox has a week to do so."""
PURGED_AT_ONCE: Final = 500
"""Rows per transaction: a cluster ships each transaction whole, and refuses what is too large."""
# Ids begin with the milliseconds of their time: those of old events are the first of the primary key.
_OLD: Final = "SELECT id FROM event WHERE id < :event_id ORDER BY id LIMIT :row_limit"
_FORGET: Final = "DELETE FROM event WHERE id = :event_id"


class Outbox:
    """Writes events with ids that sort by the database's time."""

    def __init__(self, *, randomness: Randomness) -> None:
        self._randomness = randomness

    def add(self, session: Session, event: Event, *, shard: int, binding: Binding, at: int, step: int = 0) -> None:
        """Insert an event into the transaction that is open.

        `at` is the database's time in it; `step` what was added to the binding's generation.
        """
        session.change(
            _INSERT,
            event_id=uuid7(at, self._randomness),
            shard=shard,
            token_key=binding.token_key,
            kind=event.value,
            generation=binding.generation + step,
            at=at,
            payload="",
        )
        session.happened.append((event.value, binding.integration))


def purge(session: Session) -> int:
    """Delete some of the events that are older than a week; return how many, fewer than a batch once all are gone."""
    oldest = session.now() - KEPT_FOR
    first = (oldest // _MICROSECONDS_PER_MILLISECOND << _TIME_SHIFT).to_bytes(16)
    rows = session.rows(_OLD, event_id=first, row_limit=PURGED_AT_ONCE)
    for (event_id,) in rows:
        session.change(_FORGET, event_id=event_id)
    return len(rows)


def uuid7(at: int, randomness: Randomness) -> bytes:
    """Return a UUIDv7 (RFC 9562) of a Unix time in microseconds: its 48 bits of milliseconds, the rest random."""
    value = at // _MICROSECONDS_PER_MILLISECOND << _TIME_SHIFT | int.from_bytes(randomness(10))
    value = value & ~_VERSION_BITS | _VERSION
    value = value & ~_VARIANT_BITS | _VARIANT
    return value.to_bytes(16)
