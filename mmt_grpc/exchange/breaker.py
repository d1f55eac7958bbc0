"""A provider that fails is left alone: its circuit opens on failures, and at once on an outage of our own making."""

import enum
import threading
from collections.abc import Callable
from typing import Final

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.account_limits import asked_wait
from mmt_grpc.exchange.circuit import Circuit, CircuitState, Passage
from mmt_grpc.exchange.tally import Tally

IN_A_ROW: Final = 5
"""So many failures without anything else in between open the circuit."""
SPAN: Final = 60 * MICROSECONDS
FEWEST: Final = 20
"""A share is judged from so many requests on."""
HIGHEST_SHARE: Final = 0.5
FIRST_PAUSE: Final = 5 * MICROSECONDS
OUR_OUTAGE_PAUSE: Final = 30 * MICROSECONDS
"""Our own outage is mended by people: asking sooner helps nobody."""


class OpenReason(enum.Enum):
    """Why a circuit opened."""

    FAILURES = "failures"
    OUR_OUTAGE = "our_outage"


def is_failure(error: ProviderError | None) -> bool | None:
    """Whether an outcome speaks against the provider or our standing with it; None: it says nothing about that.

    A limit (429) says nothing, nor does a refusal that explains nothing: it may be one user's. A refused grant is an
    answer like a success: the provider works, and knows us.
    """
    if error is None or error.failure in (Failure.PERMANENT, Failure.OTP_REQUIRED):
        return False
    if error.failure is Failure.NOT_CONSUMED and (error.rate_limited or error.unexplained):
        return None
    return True


class Breaker:
    """One provider's circuit, in this process; `on_change` as the circuit's."""

    def __init__(
        self,
        *,
        integration: str,
        clock: Clock,
        randomness: Randomness,
        log: EventLog,
        on_change: Callable[[], None],
        requests: str | None = None,
    ) -> None:
        """`requests`, in the log, says for which of a provider's requests this is, if not for its grants."""
        self._fields = {"integration": integration} | ({} if requests is None else {"requests": requests})
        self._log = log
        self._on_change = on_change
        self._tally = Tally(clock=clock, span=SPAN)
        self._in_a_row = 0
        self._reason: OpenReason | None = None
        self._lock = threading.RLock()
        self._circuit = Circuit(clock=clock, randomness=randomness, trials=1, on_change=self._changed)

    @property
    def state(self) -> CircuitState:
        """How it stands."""
        return self._circuit.state

    @property
    def reason(self) -> OpenReason | None:
        """Why it is not closed, None if it is."""
        return self._reason

    def wait(self) -> int:
        """Return the microseconds until a request may be sent, 0 if now; takes nothing."""
        return self._circuit.wait()

    def enter(self) -> Passage:
        """Ask to send a request."""
        with self._lock:
            return self._circuit.enter()

    def give_back(self, trial: int | None) -> None:
        """End a request that was not sent after all."""
        with self._lock:
            self._circuit.give_back(trial)

    def learn(self, trial: int | None, error: ProviderError | None) -> None:
        """Learn how a request ended; None: well."""
        failed = is_failure(error)
        with self._lock:
            if failed is None:
                self._circuit.give_back(trial)
                return
            self._in_a_row = self._in_a_row + 1 if failed else 0
            self._tally.add(hit=failed)
            asked = 0 if error is None or error.retry_after is None else asked_wait(error)
            if error is not None and error.failure is Failure.OUR_OUTAGE:
                self._refused_us()
            elif self._fails():
                self._open(OpenReason.FAILURES, FIRST_PAUSE, asked)
            self._circuit.judge(trial, good=not failed, at_least=asked)

    def _refused_us(self) -> None:
        """Alarm once per outage, however many requests come back refused, trials among them."""
        if self._reason is OpenReason.OUR_OUTAGE:
            return
        self._log.error("provider_refuses_our_client", **self._fields)
        if not self._open(OpenReason.OUR_OUTAGE, OUR_OUTAGE_PAUSE):
            self._reason = OpenReason.OUR_OUTAGE

    def _fails(self) -> bool:
        if self._in_a_row >= IN_A_ROW:
            return True
        requests, failures = self._tally.totals()
        return requests >= FEWEST and failures >= HIGHEST_SHARE * requests

    def _open(self, reason: OpenReason, pause: int, at_least: int = 0) -> bool:
        if self._circuit.state is not CircuitState.CLOSED:
            return False
        self._reason = reason
        return self._circuit.open(pause, at_least=at_least)

    def _changed(self, state: CircuitState) -> None:
        if state is CircuitState.OPEN:
            self._log.warning("breaker_opened", **self._fields, reason=self._word())
        elif state is CircuitState.HALF_OPEN:
            self._log.info("breaker_tries", **self._fields, reason=self._word())
        else:
            self._log.info("breaker_closed", **self._fields, reason=self._word())
            self._reason, self._in_a_row = None, 0
            self._tally.clear()
        self._on_change()

    def _word(self) -> str:
        return "" if self._reason is None else self._reason.value
