"""What is counted, under which names and with which labels; every label's values are few and known beforehand."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import MICROSECONDS

OTHER: Final = "other"
"""What a label says where a value is not one of those that it may have."""
CODES: Final = frozenset({
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
})  # fmt: skip
METHODS: Final = frozenset(method.value for method in Method)
REASONS: Final = frozenset(reason.value for reason in Reason) | {""}
AWAITED: Final = (("OK", ""), ("INTERNAL", ""), ("DATA_LOSS", Reason.CREDENTIAL_UNREADABLE.value))
"""How calls end that an alert waits for, or everybody."""
CALL_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PROVIDER_SECONDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
REFRESH_OUTCOMES: Final = frozenset({
    "refreshed", "not_sent", "not_consumed", "in_doubt", "reauthentication_required", "lost_the_race", "not_admitted",
    "moved", "gone", "dead", "later", "unprobed", "stopped", "bug",
    "store_unavailable", "audit_unavailable", "credential_unreadable",
})  # fmt: skip
REQUEST_OUTCOMES: Final = frozenset({
    "ok", "not_sent", "not_consumed", "ambiguous", "permanent", "our_outage", "otp_required", "rate_limited",
    # what a probe said
    "alive", "dead", "unknown",
    # what a revocation said
    "revoked", "accepted", "unsupported", "failed",
})  # fmt: skip
OPERATIONS: Final = frozenset({"redeem", "refresh", "revoke", "probe", "account", "scopes"})
CIRCUITS: Final = frozenset({"grants", "refusals", "lookups"})
CLOSED: Final = "closed"
CIRCUIT_STATES: Final = frozenset({CLOSED, "half_open", "open"})
SPENDING: Final = ("redeem", "refresh")
OUR_OUTAGE: Final = "our_outage"
TOKEN_EVENTS: Final = {
    "connected": "connected",
    "reconnected": "reauthenticated",
    "refreshed": "refreshed",
    "doubted": "in_doubt",
    "condemned": "condemned",
    "rotation_lost": "rotation_lost",
    "revoked": "revoked",
}
"""What happened to a token, as the store names it, and as it is shown."""
SPOOL_KINDS: Final = ("attempt", "grant", "unwanted", "revocation")
HELD_BACK_BY: Final = ("disk", "clock", "recovery", "presence")
AUDIT_FAILURES: Final = frozenset({"open", "write", "sync", "vanished"})


def known(value: str, values: Collection[str]) -> str:
    """Return a value if it is one of those that a label may have."""
    return value if value in values else OTHER


def _present(registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> Gauge:
    """Make a gauge of what holds now: what a dead process said of it is forgotten."""
    return Gauge(name, text, labels, registry=registry, multiprocess_mode="livemax")


class ServerMetrics:
    """Calls served, in a worker."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._handled = Counter(
            "grpc_server_handled",
            "Calls that ended, by how they ended.",
            ["grpc_method", "grpc_code", "reason"],
            registry=registry,
        )
        self._handling = Histogram(
            "grpc_server_handling_seconds",
            "How long calls took.",
            ["grpc_method"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        # Made beforehand: the first call of a method, or the first that ends so, is a step from 0 to 1.
        self._seconds = {name: self._handling.labels(name) for name in (*METHODS, OTHER)}
        self._counters = {(name, *end): self._handled.labels(name, *end) for name in METHODS for end in AWAITED}

    def observe(self, method: str, code: str, reason: str | None, seconds: float) -> None:
        """Count a finished call; `code` and `reason` are names of the contract."""
        key = known(method, METHODS), known(code, CODES), known(reason or "", REASONS)
        counter = self._counters.get(key)
        if counter is None:
            # Two threads may both come here: `labels` gives them the same counter.
            counter = self._counters[key] = self._handled.labels(*key)
        counter.inc()
        self._seconds[key[0]].observe(seconds)


class ExchangeMetrics:
    """Refreshes and what is asked of the providers, in the exchanger; `integrations` are the configured ones."""

    def __init__(self, *, registry: CollectorRegistry, integrations: Collection[str]) -> None:
        self._integrations = frozenset(integrations)
        self._refreshes = Counter(
            "mmt_refreshes", "Refreshes that ended, by outcome.", ["integration", "outcome"], registry=registry
        )
        self._requests = Counter(
            "mmt_provider_requests",
            "Requests to providers, by what became of them.",
            ["integration", "operation", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "mmt_provider_request_seconds",
            "How long requests to providers took.",
            ["integration", "operation"],
            buckets=PROVIDER_SECONDS,
            registry=registry,
        )
        self._breaker = _present(
            registry, "mmt_breaker_open", "Whether any of a provider's circuits is not closed.", ["integration"]
        )
        self._circuits = _present(
            registry,
            "mmt_circuit_state",
            "1 for the state that a provider's circuit is in, 0 for the others.",
            ["integration", "circuit", "state"],
        )
        self._spool = _present(registry, "mmt_spool_records", "Records in the spool.", ["kind"])
        self._oldest = _present(
            registry,
            "mmt_spool_oldest_timestamp_seconds",
            "When the oldest record of a kind was written, 0 if there is none.",
            ["kind"],
        )
        self._held_back = _present(
            registry, "mmt_leases_held_back", "Whether this replica refreshes nothing, and why.", ["why"]
        )
        self._begin()

    def _begin(self) -> None:
        """Show what an alert waits for before it happens: a step from 0 to 1 and no series out of nowhere."""
        for name in self._integrations:
            self.breaker(name, is_open=False)
            for circuit in CIRCUITS:
                self.circuit(name, circuit, CLOSED)
            for operation in SPENDING:
                self._requests.labels(name, operation, OUR_OUTAGE)
        self.spooled({})
        for why in HELD_BACK_BY:
            self.leases_held_back(why, is_held=False)

    def refresh_ended(self, integration: str, outcome: str) -> None:
        """Count a refresh by its outcome (one of `REFRESH_OUTCOMES`)."""
        self._refreshes.labels(known(integration, self._integrations), known(outcome, REFRESH_OUTCOMES)).inc()

    def request_ended(self, integration: str, operation: str, outcome: str, seconds: float) -> None:
        """Count a request to a provider (one of `OPERATIONS`) by its outcome (one of `REQUEST_OUTCOMES`)."""
        name, what = known(integration, self._integrations), known(operation, OPERATIONS)
        self._requests.labels(name, what, known(outcome, REQUEST_OUTCOMES)).inc()
        self._seconds.labels(name, what).observe(seconds)

    def breaker(self, integration: str, *, is_open: bool) -> None:
        """Say whether any of a provider's circuits is not closed."""
        self._breaker.labels(known(integration, self._integrations)).set(is_open)

    def circuit(self, integration: str, circuit: str, state: str) -> None:
        """Say in which state (one of `CIRCUIT_STATES`) a provider's circuit (one of `CIRCUITS`) is."""
        name, which = known(integration, self._integrations), known(circuit, CIRCUITS)
        current = known(state, CIRCUIT_STATES)
        for one in CIRCUIT_STATES | {current}:
            self._circuits.labels(name, which, one).set(one == current)

    def spooled(self, records: Mapping[str, tuple[int, int]]) -> None:
        """Say what the spool holds: by kind how many records, and when the oldest was written (Unix microseconds)."""
        for kind in SPOOL_KINDS:
            count, oldest = records.get(kind, (0, 0))
            self._spool.labels(kind).set(count)
            self._oldest.labels(kind).set(oldest / MICROSECONDS)

    def leases_held_back(self, why: str, *, is_held: bool) -> None:
        """Say whether this replica leases nothing for one reason (one of `HELD_BACK_BY`)."""
        self._held_back.labels(known(why, HELD_BACK_BY)).set(is_held)


class TokenMetrics:
    """What happens to tokens, in every process that changes them; what was committed without an answer is missing."""

    def __init__(self, *, registry: CollectorRegistry, integrations: Collection[str]) -> None:
        self._integrations = frozenset(integrations)
        self._events = Counter(
            "mmt_token_events", "What happened to tokens.", ["integration", "event"], registry=registry
        )
        for name in self._integrations:
            for shown in TOKEN_EVENTS.values():
                # As in `ExchangeMetrics`: there before it happens.
                self._events.labels(name, shown)

    def happened(self, event: str, integration: str) -> None:
        """Count an event (one of those that `TOKEN_EVENTS` names)."""
        self._events.labels(known(integration, self._integrations), TOKEN_EVENTS.get(event, OTHER)).inc()


class AuditMetrics:
    """What the audit log could not do, in any process."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "mmt_audit_failures", "What the audit log could not do.", ["operation"], registry=registry
        )
        for what in AUDIT_FAILURES:
            self._failures.labels(what)

    def failed(self, what: str) -> None:
        """Count a failure; `what` is an operation, perhaps followed by a colon and an errno's name."""
        self._failures.labels(known(what.partition(":")[0], AUDIT_FAILURES)).inc()


class ProcessMetrics:
    """The children, in the supervisor; `processes` are their roles."""

    def __init__(self, *, registry: CollectorRegistry, processes: Collection[str]) -> None:
        self._processes = frozenset(processes)
        self._up = Gauge(
            "mmt_process_up",
            "Whether a process is alive and ready.",
            ["process"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._exchanger_up = Gauge(
            "mmt_exchanger_up",
            "Whether the exchanger answers: without it this replica is degraded.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._restarts = Counter(
            "mmt_process_restarts", "Processes that died and were started anew.", ["process"], registry=registry
        )

    def up(self, process: str, *, is_up: bool) -> None:
        """Say whether a child is alive and ready."""
        self._up.labels(known(process, self._processes)).set(is_up)
        if process == "exchanger":
            self._exchanger_up.set(is_up)

    def restarted(self, process: str) -> None:
        """Count a restart."""
        self._restarts.labels(known(process, self._processes)).inc()
