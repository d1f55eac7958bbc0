"""A circuit that opens, lets single trials through after a pause that grows, and closes when they go well."""

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness

LONGEST_PAUSE: Final = 300 * MICROSECONDS
"""So that a token refreshed 15 minutes ahead of its expiry is tried several times before that."""
LONGEST_TRIAL: Final = 60 * MICROSECONDS
"""A trial not heard of for as long as a lease lasts is given up, and another one let through."""
TRIAL_WAIT: Final = MICROSECONDS
"""How long others are asked to wait while a trial runs."""


class CircuitState(enum.Enum):
    """Closed is the good state: everything passes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether to send: not while `wait` (microseconds) is above 0; `trial` numbers the trial this is, if it is one."""

    wait: int = 0
    trial: int | None = None


FREE: Final = Passage()


class Circuit:
    """One circuit; `trials` in a row have to go well to close it. `on_change` is told of each new state.

    `on_change` is called under the circuit's lock and may read `state`, of this circuit and of others.
    """

    def __init__(
        self, *, clock: Clock, randomness: Randomness, trials: int, on_change: Callable[[CircuitState], None]
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._trials = trials
        self._on_change = on_change
        self._state = CircuitState.CLOSED
        self._until = 0
        self._pause = 0
        self._good = 0
        self._count = 0
        self._trial: int | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> CircuitState:
        """How it stands; taken without the lock."""
        return self._state

    def wait(self) -> int:
        """Return the microseconds until something may pass, 0 if now; takes nothing."""
        with self._lock:
            return self._wait(self._clock.elapsed())

    def enter(self) -> Passage:
        """Ask to pass; a passage that is a trial is to be judged or given back."""
        with self._lock:
            if self._state is CircuitState.CLOSED:
                return FREE
            now = self._clock.elapsed()
            wait = self._wait(now)
            if wait:
                return Passage(wait=wait)
            self._count += 1
            self._trial, self._until = self._count, now + LONGEST_TRIAL
            self._change(CircuitState.HALF_OPEN)
            return Passage(trial=self._trial)

    def give_back(self, trial: int | None) -> None:
        """End a trial that showed nothing; the next one may go at once. Others are none of its business."""
        with self._lock:
            if trial is not None and trial == self._trial:
                self._trial = None

    def judge(self, trial: int | None, *, good: bool, at_least: int = 0) -> None:
        """End a trial by what it showed; the next one is to wait for `at_least` microseconds, if it was not good.

        What is no trial, or no longer the one that runs, changes nothing.
        """
        with self._lock:
            if trial is None or trial != self._trial:
                return
            self._trial = None
            self._good = self._good + 1 if good else 0
            if not good:
                self._reopen(self._pause, at_least)
            elif self._good >= self._trials:
                self._change(CircuitState.CLOSED)

    def open(self, first_pause: int, *, at_least: int = 0) -> bool:
        """Open for about `first_pause` microseconds, and for `at_least`; False if it is not closed."""
        with self._lock:
            if self._state is not CircuitState.CLOSED:
                return False
            self._good, self._trial = 0, None
            self._reopen(first_pause, at_least)
            return True

    def _wait(self, now: int) -> int:
        if self._state is CircuitState.OPEN:
            return max(0, self._until - now)
        running = self._state is CircuitState.HALF_OPEN and self._trial is not None and now < self._until
        return TRIAL_WAIT if running else 0

    def _reopen(self, pause: int, at_least: int) -> None:
        self._until = self._clock.elapsed() + max(self._randomness.jitter(pause // 2, pause), at_least)
        self._pause = min(2 * pause, LONGEST_PAUSE)
        self._change(CircuitState.OPEN)

    def _change(self, state: CircuitState) -> None:
        if state is not self._state:
            self._state = state
            self._on_change(state)
