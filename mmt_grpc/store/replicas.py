"""The registry of replicas."""

from collections.abc import Callable, Sequence
from typing import Final

from mmt_grpc.domain.ports.store import Beaten, Replica, ReplicaBeat
from mmt_grpc.store.columns import text
from mmt_grpc.store.execution import Execution
from mmt_grpc.store.faults import DuplicateError
from mmt_grpc.store.session import Session
from mmt_grpc.store.statement import Row

_UPDATE: Final = (
    "UPDATE replica SET life = :life, seen_at = :seen_at, access_epochs = :access_epochs, "
    "renewal_epochs = :renewal_epochs, running_attempts = :running_attempts, oldest_spooled_at = :oldest_spooled_at "
    "WHERE owner = :owner"
)
_UPDATE_OURS: Final = _UPDATE + " AND (life = :life OR life = :life2)"
_REGISTERED: Final = "SELECT 1 FROM replica WHERE owner = :owner"
_OTHERS: Final = "SELECT owner, seen_at FROM replica WHERE owner <> :owner"
_INSERT: Final = (
    "INSERT INTO replica (owner, life, seen_at, access_epochs, renewal_epochs, running_attempts, oldest_spooled_at) "
    "VALUES (:owner, :life, :seen_at, :access_epochs, :renewal_epochs, :running_attempts, :oldest_spooled_at)"
)
_LIST: Final = (
    "SELECT owner, life, access_epochs, renewal_epochs, running_attempts, oldest_spooled_at, seen_at "
    "FROM replica ORDER BY owner"
)
_REDATE: Final = "UPDATE replica SET seen_at = :seen_at WHERE owner = :owner AND seen_at = :seen_before"
_FORGET: Final = "DELETE FROM replica WHERE owner = :owner"


class PeeweeReplicas:
    """`Replicas` on a database; `after_beat` finishes what an earlier delete could not drive out of files."""

    def __init__(self, *, execution: Execution, after_beat: Callable[[], None]) -> None:
        self._execution = execution
        self._after_beat = after_beat

    def beat(self, beat: ReplicaBeat, *, replaces: bytes | None = None) -> Beaten:
        values = {
            "owner": beat.owner,
            "life": beat.life,
            "access_epochs": _joined(beat.access_epochs),
            "renewal_epochs": _joined(beat.renewal_epochs),
            "running_attempts": beat.running_attempts,
            "oldest_spooled_at": beat.oldest_spooled_at,
        }

        def update(session: Session, now: int) -> int:
            if replaces is None:
                return session.change(_UPDATE, **values, seen_at=now)
            return session.change(_UPDATE_OURS, **values, seen_at=now, life2=replaces)

        def work(session: Session) -> Beaten:
            # Read before the time is: who beats meanwhile is not taken to be ahead of it.
            others: dict[bytes, int] = dict(session.rows(_OTHERS, owner=beat.owner))
            now = session.now()
            if not update(session, now):
                if session.row(_REGISTERED, owner=beat.owner) is not None:
                    return Beaten(now, others, is_taken=True)
                try:
                    session.change(_INSERT, **values, seen_at=now)
                except DuplicateError:
                    return Beaten(now, others, is_taken=not update(session, now))
            return Beaten(now, others)

        beaten = self._execution.write(work)
        self._after_beat()
        return beaten

    def redate(self, owner: bytes, *, seen_at: int, to: int) -> bool:
        return self._execution.write(
            lambda session: bool(session.change(_REDATE, owner=owner, seen_before=seen_at, seen_at=to))
        )

    def list(self) -> Sequence[Replica]:
        return [_replica(row) for row in self._execution.read(lambda session: session.rows(_LIST))]

    def forget(self, owner: bytes) -> bool:
        return self._execution.write(lambda session: bool(session.change(_FORGET, owner=owner)))


def _replica(row: Row) -> Replica:
    owner, life, access_epochs, renewal_epochs, running_attempts, oldest_spooled_at, seen_at = row
    beat = ReplicaBeat(
        owner=owner,
        life=life,
        access_epochs=_split(access_epochs),
        renewal_epochs=_split(renewal_epochs),
        running_attempts=running_attempts,
        oldest_spooled_at=oldest_spooled_at,
    )
    return Replica(beat=beat, seen_at=seen_at)


def _joined(epochs: tuple[int, ...]) -> str:
    return ",".join(map(str, epochs))


def _split(joined: str | bytes) -> tuple[int, ...]:
    return tuple(int(epoch) for epoch in text(joined).split(",") if epoch)
