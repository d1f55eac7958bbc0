"""The database: guarded statements on rows that a failover may take back, over lines that lose answers."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from mmt_grpc.domain.errors import StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.store import ConnectRequest, RecordedRequest, Replica
from mmt_grpc.domain.token_row import Connection, TokenRow, TokenState
from tests.simulation.oracle import ABSENT, Attempt, Key, Oracle
from tests.simulation.scheduler import DeathError, Process, Scheduler
from tests.support.fakes_store import FakeClock, FakeStore

BEGINNING: Final = 1_800_000_000 * MICROSECONDS
LONGEST_MEMORY: Final = 20 * MICROSECONDS
LATEST_LANDING: Final = 20 * MICROSECONDS
ON_ROWS: Final = frozenset(
    {"delete", "lease", "release", "commit_refresh", "doubt", "condemn", "lease_doubt", "commit_answer", "clear_owner"}
)
WRITES: Final = ON_ROWS | {
    "begin", "reject", "withdraw", "create", "replace", "purge_requests", "beat", "forget", "open", "settle",
    "advance_head", "erase_renewals", "lease_slots", "postpone",
}  # fmt: skip
COMMITS: Final = frozenset({"commit_refresh", "commit_answer"})

Snapshot = tuple[
    dict[Key, TokenRow], dict[bytes, RecordedRequest], dict[bytes, Replica], dict[bytes, int], object, int
]


class Database:
    """The one database, its failovers and its outages."""

    def __init__(self, *, scheduler: Scheduler, keeps_history: bool) -> None:
        self.scheduler = scheduler
        self.clock = FakeClock(source=lambda: BEGINNING + scheduler.now)
        self.store = FakeStore(clock=self.clock)
        self.epoch = 0
        self.down_until = 0
        self.read_only_until = 0
        self.locks: dict[Key, int] = {}
        self.fates: list[str] = []
        """What befalls the next statements that change something, in order."""
        self._keeps_history = keeps_history
        self._history: deque[tuple[int, Snapshot]] = deque()

    @property
    def rows(self) -> dict[Key, TokenRow]:
        return self.store.tokens.rows

    def seen_at(self, owner: bytes) -> int:
        replicas = {replica.beat.owner: replica.seen_at for replica in self.store.replicas.list()}
        return replicas.get(owner, 0)

    def remember(self) -> None:
        """Keep what stands now, for a failover that takes back what comes after."""
        if not self._keeps_history:
            return
        now = self.scheduler.now
        self._history.append((now, self._snapshot()))
        while len(self._history) > 1 and self._history[1][0] < now - LONGEST_MEMORY:
            self._history.popleft()

    def fail_over(self, loses: int, oracle: Oracle) -> None:
        """Another server goes on with what had come to it: the last `loses` microseconds are taken back."""
        cut = self.scheduler.now - loses
        self.epoch += 1
        self.locks.clear()
        if loses:
            while len(self._history) > 1 and self._history[-1][0] > cut:
                self._history.pop()
            if self._history:
                before = set(self.rows)
                self._restore(self._history[-1][1])
                oracle.restored |= set(self.rows) - before
                for attempt in oracle.attempts.values():
                    attempt.is_undone = attempt.is_undone or attempt.leased_at > cut
        self.scheduler.note(f"database: failover, losing {loses / MICROSECONDS} s")

    def _snapshot(self) -> Snapshot:
        store = self.store
        replicas, installations = store.replicas, store.installations
        return (
            dict(store.tokens.rows),
            dict(store.tokens.requests),
            dict(replicas._replicas),
            dict(replicas._settled),
            installations._installation,
            installations.recovery,
        )

    def _restore(self, snapshot: Snapshot) -> None:
        store = self.store
        rows, requests, replicas, settled, installation, recovery = snapshot
        store.tokens.rows.clear()
        store.tokens.rows.update(rows)
        store.tokens.requests = dict(requests)
        store.replicas._replicas = dict(replicas)
        store.replicas._settled = dict(settled)
        vars(store.installations)["_installation"] = installation
        store.installations.recovery = recovery


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
            if database.epoch == epoch:
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
        database.remember()
        after = None if key is None else database.rows.get(key)
        line._scheduler.note(f"database: {self.name} = {_told(result)} {'' if after is None else _shown(after)}")
        if key is None or after is before:
            return result
        oracle.wrote(self.name, key, before, after)
        if self.name in {"lease", "lease_doubt"} and before is not None:
            self._leased(before, key)
        elif self.name in COMMITS:
            oracle.committed(self._named["attempt_id"], disk_had_trouble=line._disk_had_trouble())
        return result

    def _leased(self, before: TokenRow, key: Key) -> None:
        line = self._line
        database, now = line._database, line._scheduler.now
        before_now = database.clock.now() - ABSENT
        replicas = {replica.beat.owner: replica.seen_at for replica in database.store.replicas.list()}
        attempt = Attempt(
            attempt_id=self._named["attempt_id"],
            key=key,
            owner=self._named["owner"],
            process=line._process,
            generation=before.binding.generation,
            is_retry=before.state is TokenState.IN_DOUBT,
            leased_at=now,
            absent=frozenset(owner for owner, seen_at in replicas.items() if seen_at <= before_now),
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


