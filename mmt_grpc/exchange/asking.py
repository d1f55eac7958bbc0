"""Whether providers still accept answers that others have overtaken: asked in turn, and a moment at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.domain.errors import IntegrationUnknownError, UnavailableError
from mmt_grpc.domain.model import MICROSECONDS, Liveness
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.exchange.attempt_records import Answer, AttemptRecord, Intent
from mmt_grpc.exchange.probing import Probing

UNASKED: Final = 30 * MICROSECONDS
"""How long a provider that could not be asked about one answer is not asked about others: each would wait as long, and
everybody's leases with it.
"""
SLOW: Final = MICROSECONDS
"""A provider that takes longer for a probe is left alone for as long again: what else the background does comes first.
"""
PATIENCE: Final = 2 * MICROSECONDS
"""How long one round waits for probes, but for the last of them: a start and everybody's leases wait for the round."""
LOOKED_AT: Final = 10 * MICROSECONDS
"""How long the row of an answer that waits for its turn is not looked at again."""


@dataclass(slots=True, kw_only=True)
class Asking:
    """Asks about answers: in rounds, one at a time, those first whose provider, and which themselves, waited longest.

    So neither one provider's slowness nor one answer's failures keep another from its turn. Times are elapsed
    microseconds. Rounds follow each other; what asks outside of them may do so at the same time.
    """

    probing: Probing
    clock: Clock
    log: EventLog
    is_behind: bool = False
    """Whether the last round left answers that could have been asked about, had there been more time."""
    _spent: int = 0
    _failing_until: dict[str, int] = field(default_factory=dict)
    _slow_until: dict[str, int] = field(default_factory=dict)
    _providers: dict[str, int] = field(default_factory=dict)
    """When they were last asked, by integration."""
    _asked: dict[bytes, int] = field(default_factory=dict)
    """When attempts were last asked about."""
    _left: dict[bytes, int] = field(default_factory=dict)
    """When attempts were last looked at and not asked about."""

    def in_turn(self, records: Sequence[AttemptRecord], *, every: bool) -> Iterator[AttemptRecord]:
        """Begin a round: give the records in the order of their turns.

        Without `every` those are left out that were looked at just now, and still cannot be asked about.
        """
        self._spent, self.is_behind = 0, False
        known = {record.intent.attempt_id for record in records}
        self._asked = {attempt_id: at for attempt_id, at in self._asked.items() if attempt_id in known}
        self._left = {attempt_id: at for attempt_id, at in self._left.items() if attempt_id in known}
        for record in sorted(records, key=lambda record: self._turn(record.intent)):
            if every or not self._rests(record.intent):
                yield record

    def _turn(self, intent: Intent) -> tuple[int, int]:
        return self._providers.get(intent.integration, 0), self._asked.get(intent.attempt_id, 0)

    def _rests(self, intent: Intent) -> bool:
        looked_at = self._left.get(intent.attempt_id)
        if looked_at is None or self.clock.elapsed() - looked_at >= LOOKED_AT:
            return False
        return not self._has_time(intent.integration)

    def _has_time(self, integration: str) -> bool:
        """Whether this round may ask a provider; what it could ask another time at once puts it behind."""
        if self._fails(integration):
            return False
        is_late = self._spent >= PATIENCE or self._slow_until.get(integration, 0) > self.clock.elapsed()
        self.is_behind |= is_late
        return not is_late

    def _fails(self, integration: str) -> bool:
        return self._failing_until.get(integration, 0) > self.clock.elapsed()

    def ask_in_turn(self, intent: Intent, answer: Answer) -> Liveness | None:
        """Ask within a round whether an answer is still good; None if that cannot be asked now."""
        began, liveness = self.clock.elapsed(), None
        if self._has_time(intent.integration):
            liveness = self.ask(intent, answer)
            self._spent += self.clock.elapsed() - began
        if liveness is None:
            self._left[intent.attempt_id] = began
        return liveness

    def ask(self, intent: Intent, answer: Answer) -> Liveness | None:
        """Ask whether an answer is still good, however long that takes; None if it cannot be asked now."""
        integration, began = intent.integration, self.clock.elapsed()
        if self._fails(integration):
            return None
        self._providers[integration] = self._asked[intent.attempt_id] = began
        try:
            return self.probing.ask(integration, answer.issued().credential)
        except ProviderError:
            self._failing_until[integration] = self.clock.elapsed() + UNASKED
        except UnavailableError:
            # It was not asked: it fails, wants to be left alone, or too many are asking it.
            return None
        except IntegrationUnknownError:
            self.log.error("integration_not_configured", integration=integration)
        finally:
            took = self.clock.elapsed() - began
            if took > SLOW:
                self._slow_until[integration] = began + 2 * took
        return None
