"""What stands behind the transport in its tests: verbs, callers and records that a test can look into."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmt_grpc.domain.callers import Caller, Method
from mmt_grpc.domain.errors import CallerUnauthenticatedError
from mmt_grpc.domain.model import BearerToken, ConnectOutcome, Scope, Upstream
from mmt_grpc.domain.ports.audit import AuditRecord
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import (
    Call,
    ConnectCommand,
    ConnectResult,
    Resolved,
    ResolveQuery,
    Revoked,
    ScopeAnswer,
    Verbs,
)
from mmt_grpc.transport.arrival import CallMetadata

TOKEN_ID = "0a1b2c3d-0000-8000-8000-00000000abcd"
GOOD = (("authorization", "Bearer good"),)
ALL_METHODS = frozenset(Method)


class BootClock:
    def elapsed(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000

    def sleep(self, microseconds: int) -> None:
        time.sleep(microseconds / 1_000_000)


class SetClock:
    def __init__(self) -> None:
        self.now = 0

    def elapsed(self) -> int:
        return self.now

    def sleep(self, microseconds: int) -> None:
        self.now += microseconds


class OsRandomness:
    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def jitter(self, low: int, high: int) -> int:
        return (low + high) // 2


@dataclass
class RecordingLog:
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, name: str, /, **fields: object) -> None:
        self.events.append((name, fields))

    warning = info
    error = info


@dataclass
class RecordingMetrics:
    observed: list[tuple[str, str, str | None]] = field(default_factory=list)

    def observe(self, method: str, code: str, reason: str | None, seconds: float) -> None:
        assert seconds >= 0
        self.observed.append((method, code, reason))


@dataclass
class RecordingAudit:
    records: list[AuditRecord] = field(default_factory=list)
    error: Exception | None = None

    def write(self, record: AuditRecord) -> None:
        if self.error is not None:
            raise self.error
        self.records.append(record)


@dataclass
class OneCaller:
    """Believes `Bearer good`."""

    caller: Caller = field(default_factory=lambda: Caller("key-1", frozenset({"client-1"}), Scope.WRITE, ALL_METHODS))

    def authenticate(self, metadata: CallMetadata) -> Caller:
        if ("authorization", "Bearer good") not in [tuple(entry) for entry in metadata]:
            raise CallerUnauthenticatedError
        return self.caller


@dataclass
class RecordingVerbs:
    """Answers well, unless `act` is set, which is called instead with the verb's name and arguments."""

    calls: list[tuple[str, Call, Any]] = field(default_factory=list)
    act: Callable[[str], Any] | None = None
    find_integration: Callable[[str], object] = lambda _: None

    def verbs(self) -> Verbs:
        return Verbs(
            connect=self._connect,
            resolve=self._resolve,
            revoke=self._revoke,
            check_scope=self._check_scope,
            find_integration=self.find_integration,
        )

    def _answer(self, verb: str, call: Call, arguments: Any, good: Any) -> Any:
        self.calls.append((verb, call, arguments))
        other = None if self.act is None else self.act(verb)
        return good if other is None else other

    def _connect(self, call: Call, command: ConnectCommand) -> ConnectResult:
        good = ConnectResult(
            token_id=TOKEN_ID,
            outcome=ConnectOutcome.CREATED,
            integration=command.integration,
            scope=command.scope or call.caller.scope,
            expires_at=1_800_000_000_123_456,
            refreshable=True,
        )
        result: ConnectResult = self._answer("connect", call, command, good)
        return result

    def _resolve(self, call: Call, query: ResolveQuery) -> Resolved:
        good = Resolved(
            credential=BearerToken(Secret("access-token")),
            integration="coinbase",
            scope=Scope.READ,
            expires_at=None,
            use_until=1_700_000_060_000_000,
            generation=7,
        )
        result: Resolved = self._answer("resolve", call, query, good)
        return result

    def _revoke(self, call: Call, token_id: str) -> Revoked:
        result: Revoked = self._answer("revoke", call, token_id, Revoked(1_700_000_000_000_000, Upstream.REVOKED))
        return result

    def _check_scope(self, call: Call, token_id: str, required: Scope) -> ScopeAnswer:
        good = ScopeAnswer(allowed=True, granted=Scope.WRITE)
        result: ScopeAnswer = self._answer("check_scope", call, (token_id, required), good)
        return result
