"""The audit log: nothing leaves unseen."""

import enum
from dataclasses import dataclass
from typing import Protocol

from mmt_grpc.domain.errors import Reason


class Phase(enum.StrEnum):
    """What a record tells of its call."""

    INTENT = "intent"
    """Written before anything is changed."""
    OUTCOME = "outcome"
    """Written after; also the one record of a call that changes nothing."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who, for whom, what, and how it ended; never a secret.

    `method` one of Connect, Resolve, Revoke, CheckScope, Refresh, …; `caller` the id of an API key, or `mmt` for its
    own work; keys 32 bytes; `outcome` `ok` or `refused` or `failed` (None in an INTENT); `reason` with the latter two.
    """

    call_id: str
    caller: str
    client_id: str
    method: str
    phase: Phase
    token_key: bytes | None = None
    end_user_key: bytes | None = None
    integration: str | None = None
    generation: int | None = None
    outcome: str | None = None
    reason: Reason | None = None
    key_epoch: int | None = None


class Audit(Protocol):
    """One append-only chain of records per process life."""

    def write(self, record: AuditRecord) -> None:
        """Write a record; on return the kernel has it (or the disk, where so configured).

        Raises `AuditUnavailableError` if that did not happen within 250 ms.
        """
        ...
