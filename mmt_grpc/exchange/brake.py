"""An exchange's bad day must not log everybody out: a mass of refused refreshes stops further ones."""

import threading
from collections.abc import Callable
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.exchange.circuit import Circuit, CircuitState, Passage
from mmt_grpc.exchange.tally import Tally

SPAN: Final = 300 * MICROSECONDS
FEWEST_ACCOUNTS: Final = 20
HIGHEST_SHARE: Final = 0.05
FIRST_PAUSE: Final = 60 * MICROSECONDS
TRIALS: Final = 5
"""So many trials in a row have to succeed: a single one may be one of the many that would have succeeded anyway."""


class Brake:
    """One provider's brake, in this process; `on_change` as the circuit's.

    It opens when over 5 % of the refreshes that the provider answered in 5 min, of at least 20 different accounts,
    were answered with `invalid_grant`. Refreshes are not sent then, but for single trials. Grants that are really dead,
    all of them, would keep it open for ever: with `is_released` it never opens, and each refusal is believed.
    """

    def __init__(
        self,
        *,
        integration: str,
        is_released: bool,
        clock: Clock,
        randomness: Randomness,
        log: EventLog,
        on_change: Callable[[], None],
    ) -> None:
        self._integration = integration
        self._is_released = is_released
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._tally = Tally(clock=clock, span=SPAN)
        self._refused: dict[bytes, int] = {}
        self._lock = threading.RLock()
        self._circuit = Circuit(clock=clock, randomness=randomness, trials=TRIALS, on_change=self._changed)

    @property
    def state(self) -> CircuitState:
        """How it stands."""
        return self._circuit.state

    def wait(self) -> int:
        """Return the microseconds until a refresh may be sent, 0 if now; takes nothing."""
        return self._circuit.wait()

    def enter(self) -> Passage:
        """Ask to send a refresh."""
        with self._lock:
            return self._circuit.enter()

    def give_back(self, trial: int | None) -> None:
        """End a refresh that the provider did not answer."""
        with self._lock:
            self._circuit.give_back(trial)

    def learn(self, trial: int | None, account: bytes, *, refused: bool) -> None:
        """Learn what the provider answered to the refresh of an account, 32 bytes that stand for it."""
        with self._lock:
            self._tally.add(hit=refused)
            if refused and not self._is_released:
                self._remember(account)
                self._open_if_many()
            self._circuit.judge(trial, good=not refused)

    def _remember(self, account: bytes) -> None:
        """Keep the accounts in the order of their last refusal, so that the oldest are found first."""
        now = self._clock.elapsed()
        self._refused.pop(account, None)
        self._refused[account] = now
        while (oldest := next(iter(self._refused))) != account and self._refused[oldest] <= now - SPAN:
            del self._refused[oldest]

    def _open_if_many(self) -> None:
        answered, refused = self._tally.totals()
        many = len(self._refused) >= FEWEST_ACCOUNTS and refused > HIGHEST_SHARE * answered
        if many and self._circuit.open(FIRST_PAUSE):
            self._log.error(
                "provider_refuses_many_grants",
                integration=self._integration,
                accounts=len(self._refused),
                refused=refused,
                answered=answered,
            )

    def _changed(self, state: CircuitState) -> None:
        if state is CircuitState.OPEN:
            self._log.warning("brake_opened", integration=self._integration)
        elif state is CircuitState.HALF_OPEN:
            self._log.info("brake_tries", integration=self._integration)
        else:
            self._log.info("brake_closed", integration=self._integration)
            # What led here is over; the same accounts must not count again.
            self._tally.clear()
            self._refused.clear()
        self._on_change()
