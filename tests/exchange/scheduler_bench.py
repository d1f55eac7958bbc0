"""A scheduler on a bench: a table of what is due, a clock that a test moves, and starts that are remembered."""

from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.scheduler import Scheduler
from tests.exchange.pacing_world import ClockedEvent, DueTable
from tests.support.fakes_clock import ManualClock, SeededRandomness
from tests.support.fakes_failure import RecordingLog


class Bench:
    """A scheduler whose starts are remembered; `closed` integrations admit nothing, `broken` rows do not start."""

    def __init__(self, *, seed: int = 1) -> None:
        self.clock, self.log = ManualClock(), RecordingLog()
        self.table = DueTable(clock=self.clock)
        self.stopping = ClockedEvent(self.clock)
        self.started: list[tuple[int, int]] = []
        self.closed: dict[str, int] = {}
        self.broken: dict[int, Exception | None] = {}
        self.scheduler = Scheduler(
            rows=self.table,
            integrations=["coinbase", "uphold"],
            start=self._start,
            wait=lambda integration: self.closed.get(integration, 0),
            clock=self.clock,
            randomness=SeededRandomness(seed),
            stopping=self.stopping,
            log=self.log,
        )

    def due(self, *numbers: int, integration: str = "coinbase") -> None:
        for number in numbers:
            self.table.add(number, integration=integration, next_refresh_at=self.clock.elapsed())

    def ticks(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(self.scheduler.tick())

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.started]

    def _start(self, row: TokenRow) -> bool:
        number = int.from_bytes(row.binding.token_key)
        if number in self.broken:
            error = self.broken[number]
            if error is not None:
                raise error
            return False
        self.started.append((self.clock.elapsed(), number))
        self.table.move(row, None)
        return True
