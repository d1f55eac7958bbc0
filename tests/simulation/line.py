"""One process's connections to the database: statements go there, are applied, and their answers come back, or not."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from mmt_grpc.domain.errors import ConflictError, StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import CLOCKS_DIFFER
from mmt_grpc.domain.ports.store import ConnectRequest, RecordedRequest, RowMovedError
from mmt_grpc.domain.token_row import Connection, TokenRow, TokenState
from tests.simulation.attempt import Attempt, Key
from tests.simulation.database import Database
from tests.simulation.oracle import ABSENT, Oracle
from tests.simulation.scheduler import DeathError, Process

LATEST_LANDING: Final = 20 * MICROSECONDS
ON_ROWS: Final = frozenset({
    "delete", "lease", "release", "commit_refresh", "doubt", "condemn", "lease_doubt", "commit_answer", "redate_doubt",
    "clear_owner",
})  # fmt: skip
WRITES: Final = ON_ROWS | {
    "begin", "reject", "withdraw", "create", "replace", "purge_requests", "beat", "forget", "open", "settle",
    "advance_head", "redate", "erase_renewals", "take", "postpone",
}  # fmt: skip
COMMITS: Final = frozenset({"commit_refresh", "commit_answer"})


class Line:
    """One process's connections to the database; `ports` puts it between the engine and a port."""

    def __init__(
        self,
        *,
        database: Database,
        process: Process,
        oracle: Oracle,
        disk_had_trouble: Callable[[], bool],
        on_loss: Callable[[], None],
    ) -> None:
        self.is_cut_until = 0
        self._database = database
        self._process = process
        self._oracle = oracle
        self._disk_had_trouble = disk_had_trouble
        self._on_loss = on_loss
        self._scheduler = database.scheduler
        self._epoch = database.epoch

    def over(self, port: object) -> Any:
        """Return a port as this process has it."""
        return _Port(port, self)

    def ask(self, name: str, method: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Have a statement run: it goes there, is applied, and its answer comes back, or not."""
        writes = name in WRITES
        statement = _Statement(self, name, method, arguments, named)
        try:
            self._scheduler.step(self._process, name)
        except DeathError:
            if writes and self._scheduler.random.random() < 0.3:
                self._land_later(statement)
            raise
        self._arrive(writes=writes)
        if writes:
            self._wait_for(statement.key)
            fates = self._database.fates
            if fates and fates[0]:
                self._befall(fates.pop(0), statement)
            elif fates:
                fates.pop(0)
        result = statement.apply() if writes else method(*arguments, **named)
        if name == "doubt":
            self._database.has_doubted(self._oracle)
        self._scheduler.step(self._process, f"{name} answered", wait=None if writes else 100)
        return result

    def _arrive(self, *, writes: bool) -> None:
        database, now = self._database, self._scheduler.now
        if max(database.down_until, self.is_cut_until) > now or (writes and database.read_only_until > now):
            self._on_loss()
            self._epoch = -1
            raise StoreUnavailableError
        if self._epoch != database.epoch:
            # The connection is found broken; on another one the statement is repeated.
            self._on_loss()
            self._epoch = database.epoch
            if self._scheduler.random.random() < 0.3:
                raise StoreUnavailableError

    def _wait_for(self, key: Key | None) -> None:
        locks = self._database.locks
        while key in locks and locks[key] > self._scheduler.now:
            self._scheduler.step(self._process, "row lock", wait=200_000)

    def _befall(self, fate: str, statement: "_Statement") -> None:
        self._scheduler.note(f"database: {statement.name} is {fate}")
        if fate == "refused":
            raise StoreUnavailableError
        if fate == "late":
            self._land_later(statement)
        elif fate == "applied":
            statement.apply()
        self._on_loss()
        raise StoreOutcomeUnknownError

    def _land_later(self, statement: "_Statement") -> None:
        """A COMMIT whose sender no longer waits: it holds its row until it is through, unless its server dies."""
        database, now = self._database, self._scheduler.now
        lands_at = now + int(LATEST_LANDING * self._scheduler.random.random() ** 3)
        epoch = database.epoch
        if statement.key is not None:
            if database.locks.get(statement.key, 0) > now:
                return
            database.locks[statement.key] = lands_at

        def land() -> None:
            # One whose guard does not hold is rolled back, and nobody is there to be told.
            if database.epoch == epoch:
                with contextlib.suppress(ConflictError, RowMovedError):
                    statement.apply()

        self._scheduler.at(lands_at, land)


class _Port:
    def __init__(self, port: object, line: Line) -> None:
        self._port = port
        self._line = line

    def __getattr__(self, name: str) -> Any:
        method, line = getattr(self._port, name), self._line

        def ask(*arguments: Any, **named: Any) -> Any:
            return line.ask(name, method, arguments, named)

        self.__dict__[name] = ask
        return ask


class _Statement:
    """One change, and what the oracle is told of it."""

    def __init__(
        self, line: Line, name: str, method: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        self.name = name
        self.key = _key_of(name, arguments)
        self._line = line
        self._method = method
        self._arguments = arguments
        self._named = named
        self._task = line._scheduler.current

    def apply(self) -> Any:
        line, key = self._line, self.key
        database, oracle = line._database, line._oracle
        before = None if key is None else database.rows.get(key)
        result = self._method(*self._arguments, **self._named)
        self._see(result)
        database.remember()
        after = None if key is None else database.rows.get(key)
        if line._scheduler.is_noted:
            line._scheduler.note(f"database: {self.name} = {_told(result)} {'' if after is None else _shown(after)}")
        if key is None or after is before:
            return result
        if self.name == "condemn" and database.clock.shift:
            oracle.misdated.add(key)
        oracle.wrote(self.name, key, before, after)
        if self.name in {"lease", "lease_doubt"} and before is not None:
            self._leased(before, key)
        elif self.name in COMMITS:
            oracle.committed(self._named["attempt_id"], line._process, disk_had_trouble=line._disk_had_trouble())
        return result

    def _see(self, result: object) -> None:
        """Note when a replica is seen, whatever the database's clock says."""
        seen = self._line._database.seen_truly
        if self.name == "beat":
            seen[self._arguments[0].owner] = self._line._scheduler.now
        elif self.name in {"lease", "lease_doubt"} and result is not None:
            seen[self._named["owner"]] = self._line._scheduler.now
        elif self.name == "forget":
            seen.pop(self._arguments[0], None)

    def _leased(self, before: TokenRow, key: Key) -> None:
        line = self._line
        database, now = line._database, line._scheduler.now
        attempt = Attempt(
            attempt_id=self._named["attempt_id"],
            key=key,
            owner=self._named["owner"],
            process=line._process,
            generation=before.binding.generation,
            is_retry=before.state is TokenState.IN_DOUBT,
            leased_at=now,
            present=frozenset(owner for owner, at in database.seen_truly.items() if at > now - ABSENT + CLOCKS_DIFFER),
        )
        line._oracle.leased(attempt)
        if self._task is not None:
            self._task.attempt = attempt


def _key_of(name: str, arguments: tuple[Any, ...]) -> Key | None:
    if name in ON_ROWS or name in {"create", "replace"}:
        row: TokenRow | Connection = arguments[0]
        return row.shard, row.binding.token_key
    return None


def _told(result: object) -> str:
    return "…" if isinstance(result, RecordedRequest | ConnectRequest) else str(result)


def _shown(row: TokenRow) -> str:
    names = {
        "v": row.version,
        "a": row.attempt_id,
        "lease": row.lease_owner,
        "doubt": row.doubt,
        "doubt_owner": row.doubt_owner,
    }
    parts = [f"{name}={value.hex()[:6] if isinstance(value, bytes) else value}" for name, value in names.items()]
    return f"{row.state.name} g{row.binding.generation} " + " ".join(part for part in parts if part[-4:] != "None")
