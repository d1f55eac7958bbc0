"""One thread, one clock, one order of events: tasks are greenlets, and a seed decides who goes on when."""

import heapq
import random
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from greenlet import getcurrent, greenlet

from mmt_grpc.domain.model import MICROSECONDS

LONGEST_DELAY: Final = 70 * MICROSECONDS
SHORTEST_JITTER: Final = 0.9
LONGEST_JITTER: Final = 1.1
SHORTEST_DELAY: Final = 300
MOST_STEPS: Final = 100_000
"""A run that takes so many goes round in circles."""


class DeathError(BaseException):
    """The process is gone: nothing catches this, as nothing catches a `kill -9`."""


class LivelockError(BaseException):
    """The run does not come to an end."""


class Process(Protocol):
    """What tasks run in: dead, or stopped until some time."""

    name: str
    born_at: int
    is_dead: bool
    stopped_until: int


class Task:
    """One thread of one process; `key` is the row that it works on, `attempt` what it leased."""

    __slots__ = ("attempt", "green", "key", "name", "process")

    def __init__(
        self, hub: greenlet, process: Process, name: str, work: Callable[[], object], key: bytes | None
    ) -> None:
        self.process = process
        self.name = name
        self.key = key
        self.attempt: object = None
        # Whoever starts a task is not who goes on when it ends.
        self.green = greenlet(lambda: _run(work), parent=hub)


def _run(work: Callable[[], object]) -> None:
    try:
        work()
    except DeathError:
        return


class Scheduler:
    """Runs tasks and timed events in the order of their times; equal times in the order in which they were set."""

    def __init__(self, *, seed: int, trace: list[str] | None = None, hashed: bool = False) -> None:
        self.now = 0
        self.random = random.Random(seed)
        self.steps = 0
        self.trace = trace
        self.hash = 0
        self.unevenness = self.random.choice((1.0, 1.5, 2.0))
        """How far apart short and long delays are."""
        self.is_calm = False
        self.plans: list[tuple[int, Callable[[Process], None]]] = []
        """What happens at which step of refreshes, the last first."""
        self.lane_steps = 0
        self.current: Task | None = None
        self._hashed = hashed
        self._heap: list[tuple[int, int, Task | Callable[[], None]]] = []
        self._count = 0
        self._hub = getcurrent()

    def spawn(self, process: Process, name: str, work: Callable[[], object], *, key: bytes | None = None) -> Task:
        """Start a task soon."""
        task = Task(self._hub, process, name, work, key)
        self._push(self.now + SHORTEST_DELAY, task)
        return task

    def at(self, when: int, happening: Callable[[], None]) -> None:
        """Have something happen at a time, outside of every process; it must not pause."""
        self._push(when, happening)

    def delay(self) -> int:
        """Draw how long a step takes: mostly next to nothing, now and then very long."""
        if self.is_calm:
            return SHORTEST_DELAY
        stretched = SHORTEST_DELAY * (1.0 / (1.0 - self.random.random())) ** self.unevenness
        return int(min(stretched, LONGEST_DELAY))

    def step(self, process: Process, kind: str, *, wait: int | None = None) -> None:
        """Let the present task take a step: others may go on meanwhile. Raises `DeathError` if its process dies."""
        task = self.current
        assert task is not None, "only tasks take steps"
        if process.is_dead:
            raise DeathError
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise LivelockError
        if self.is_noted:
            self.note(f"{process.name} {task.name} {kind}")
        if task.key is not None:
            self._come_by(process)
        until = self.now + (self.delay() if wait is None else wait)
        if process.stopped_until <= self.now and (not self._heap or self._heap[0][0] > until):
            self.now = until
            return
        self._push(until, task)
        self._hub.switch()
        if process.is_dead:
            raise DeathError

    def _come_by(self, process: Process) -> None:
        """Let happen what is planned for this step of a refresh."""
        self.lane_steps += 1
        while self.plans and self.plans[-1][0] <= self.lane_steps:
            self.plans.pop()[1](process)
        if process.is_dead:
            raise DeathError

    @property
    def is_noted(self) -> bool:
        """Whether anybody is interested in what happens."""
        return self._hashed or self.trace is not None

    def note(self, line: str) -> None:
        """Write a line of the trace."""
        if self._hashed:
            self.hash = zlib.crc32(f"{self.now} {line}".encode(), self.hash)
        if self.trace is not None:
            self.trace.append(f"{self.now / MICROSECONDS:12.6f} {line}")

    def run(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Go on until a time, or until `done`; return whether it was done."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, item = heapq.heappop(heap)
            self.now = max(self.now, when)
            if not isinstance(item, Task):
                item()
                if done is not None and done():
                    return True
            elif item.process.stopped_until > self.now and not item.process.is_dead:
                self._push(item.process.stopped_until, item)
            else:
                self._go_on(item)
        self.now = max(self.now, until)
        return False

    def end(self) -> None:
        """End every task that is left, as its process's death would."""
        while self._heap:
            item = heapq.heappop(self._heap)[2]
            if isinstance(item, Task):
                item.process.is_dead = True
                self._go_on(item)

    def _go_on(self, task: Task) -> None:
        self.current = task
        try:
            if not task.process.is_dead:
                task.green.switch()
            elif task.green:
                task.green.throw(DeathError)
        finally:
            self.current = None

    def _push(self, when: int, item: Task | Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, item))


class Gate:
    """`threading.Lock` among tasks: who finds it closed looks again later."""

    def __init__(self, *, scheduler: Scheduler, process: Process) -> None:
        self._scheduler = scheduler
        self._process = process
        self._closed = False

    def __enter__(self) -> None:
        while self._closed:
            self._scheduler.step(self._process, "gate", wait=10_000)
        self._closed = True

    def __exit__(self, *_: object) -> None:
        self._closed = False


class Signal:
    """`threading.Event` among tasks; waiting takes `stretch` times as long as asked for."""

    def __init__(self, *, scheduler: Scheduler, process: Process, stretch: float) -> None:
        self._scheduler = scheduler
        self._process = process
        self._stretch = stretch
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float) -> bool:
        if not self._set:
            jitter = SHORTEST_JITTER + (LONGEST_JITTER - SHORTEST_JITTER) * self._scheduler.random.random()
            self._scheduler.step(self._process, "wait", wait=int(timeout * self._stretch * jitter * MICROSECONDS))
        return self._set
