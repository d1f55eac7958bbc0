"""Failures to order: of stores, of processes at a named point, of the audit log."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from mmt_grpc.domain.errors import AuditUnavailableError, StoreOutcomeUnknownError, StoreUnavailableError
from mmt_grpc.domain.ports.audit import AuditRecord

T = TypeVar("T")


class CrashError(BaseException):
    """The process is gone: nothing catches this, as nothing catches a `kill -9`."""


class ArmedFailpoints:
    """`Failpoints` that crash at a named point, once, and remember which points were reached."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self._armed: str | None = None
        self._happenings: dict[str, Callable[[], object]] = {}

    def arm(self, name: str) -> None:
        """Crash when the point is reached next."""
        self._armed = name

    def at(self, name: str, happening: Callable[[], object]) -> None:
        """Have something happen when the point is reached next."""
        self._happenings[name] = happening

    def reach(self, name: str) -> None:
        self.reached.append(name)
        if name == self._armed:
            self._armed = None
            raise CrashError(name)
        happening = self._happenings.pop(name, None)
        if happening is not None:
            happening()


@dataclass
class _Strike:
    method: str
    times: int
    applied: bool
    error: type[StoreUnavailableError]


class Weather:
    """What a store's calls suffer: lost before, lost after, or something else coming in between."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._strikes: list[_Strike] = []
        self._before: dict[str, list[Callable[[], object]]] = {}

    def over(self, port: T) -> T:
        """Return the port as it is in this weather."""
        return cast("T", _Exposed(port, self))

    def refuse(self, method: str, *, times: int = 1) -> None:
        """Have the next calls of a method not applied, and say so."""
        self._strikes.append(_Strike(method, times, applied=False, error=StoreUnavailableError))

    def lose(self, method: str, *, applied: bool, times: int = 1) -> None:
        """Have the answers of the next calls of a method lost, applied or not."""
        self._strikes.append(_Strike(method, times, applied=applied, error=StoreOutcomeUnknownError))

    def before(self, method: str, happening: Callable[[], object]) -> None:
        """Have something happen right before the next call of a method."""
        self._before.setdefault(method, []).append(happening)

    @contextlib.contextmanager
    def outage(self, *methods: str) -> Iterator[None]:
        """Have these methods refuse for the length of the block."""
        strikes = [_Strike(method, times=1_000_000, applied=False, error=StoreUnavailableError) for method in methods]
        self._strikes += strikes
        yield
        for strike in strikes:
            self._strikes.remove(strike)

    def call(self, name: str, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method in this weather."""
        self.calls[name] += 1
        happenings = self._before.get(name)
        if happenings:
            happenings.pop(0)()
        strike = next((strike for strike in self._strikes if strike.method == name and strike.times), None)
        if strike is None:
            return method(*arguments, **named)
        strike.times -= 1
        if strike.applied:
            method(*arguments, **named)
        raise strike.error


class _Exposed:
    def __init__(self, port: object, weather: Weather) -> None:
        self._port = port
        self._weather = weather

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *arguments, **named: self._weather.call(name, found, *arguments, **named)


class RecordingAudit:
    """`Audit` in memory, which may be unable to write."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.is_up = True

    def write(self, record: AuditRecord) -> None:
        if not self.is_up:
            raise AuditUnavailableError
        self.records.append(record)

    def of(self, method: str) -> list[AuditRecord]:
        """Return the records of a method."""
        return [record for record in self.records if record.method == method]


class RecordingLog:
    """`EventLog` in memory."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []

    def info(self, name: str, /, **fields: object) -> None:
        self.events.append(("info", name, fields))

    def warning(self, name: str, /, **fields: object) -> None:
        self.events.append(("warning", name, fields))

    def error(self, name: str, /, **fields: object) -> None:
        self.events.append(("error", name, fields))

    def named(self, name: str) -> list[dict[str, object]]:
        """Return the fields of the events of a name."""
        return [fields for _, found, fields in self.events if found == name]

    @property
    def alarms(self) -> list[str]:
        """The names of the errors logged."""
        return [name for level, name, _ in self.events if level == "error"]
