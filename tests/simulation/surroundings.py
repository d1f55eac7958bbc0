"""What stands around the engine in one simulated process: clock, randomness, threads, log."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.ports.audit import AuditRecord
from mmt_grpc.exchange.lanes import LONGEST_QUEUE, Lanes
from tests.simulation.scheduler import Process, Scheduler


class Here(Process, Protocol):
    """A process that knows its scheduler and when its machine started."""

    scheduler: Scheduler
    booted_at: int


class SimulatedClock:
    """`Clock` of one process."""

    def __init__(self, life: Here) -> None:
        self._life = life

    def elapsed(self) -> int:
        return self._life.scheduler.now + self._life.booted_at

    def sleep(self, microseconds: int) -> None:
        self._life.scheduler.step(self._life, "sleep", wait=max(microseconds, 1))


class SimulatedRandomness:
    """`Randomness` by the seed."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def jitter(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


class SimulatedLanes(Lanes):
    """`Lanes` whose threads are tasks."""

    def __init__(self, life: Here) -> None:
        super().__init__()
        self._life = life

    def start(self, lane: str, key: bytes, work: Callable[[], None]) -> bool:
        if self._closed or key in self._running or len(self._running) >= LONGEST_QUEUE:
            return False
        self._running[key] = lane

        def run() -> None:
            try:
                work()
            finally:
                self._end(key)

        self._life.scheduler.spawn(self._life, f"lane {key.hex()[:4]}", run, key=key)
        return True


class SimulatedLog:
    """`EventLog` into the trace."""

    def __init__(self, life: Here) -> None:
        self._life = life

    def info(self, name: str, /, **fields: object) -> None:
        scheduler = self._life.scheduler
        if scheduler.is_noted:
            scheduler.note(f"{self._life.name} log: {name} {fields}")

    warning = error = info


class Steps(NoFailpoints):
    """`Failpoints` at each of which others may go on."""

    def __init__(self, life: Here) -> None:
        self._life = life

    def reach(self, name: str) -> None:
        self._life.scheduler.step(self._life, name, wait=20)


class SimulatedAudit:
    """`Audit` that can always be written."""

    def write(self, record: AuditRecord) -> None:
        del record


class Unwatched:
    """Watches nothing."""

    def breaker(self, integration: str, *, is_open: bool) -> None:
        del integration, is_open

    def refresh_ended(self, integration: str, outcome: str) -> None:
        del integration, outcome

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        """Let it pass."""

    def spooled(self, records: Mapping[str, tuple[int, int]]) -> None:
        del records

    def leases_held_back(self, why: str, *, is_held: bool) -> None:
        """Let it pass."""


class Paced:
    """A port whose calls take time, and that is never away: the ledger."""

    def __init__(self, port: object, life: Here) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method, life = getattr(self._port, name), self._life

        def ask(*arguments: Any, **named: Any) -> Any:
            life.scheduler.step(life, f"ledger {name}")
            return method(*arguments, **named)

        return ask
