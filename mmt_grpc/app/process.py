"""What worker and exchanger have in common: title, log, metrics, audit, store, and how they end."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from mmt_grpc.app.store_events import StoreEvents
from mmt_grpc.app.supervisor import REFUSED_TO_START
from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.domain.errors import AuditUnavailableError, StoreUnavailableError
from mmt_grpc.settings.codec import SliceError
from mmt_grpc.settings.slices import AuditSlice, ProcessSlice, StoreSlice
from mmt_grpc.store.ledger import PeeweeLedger, open_ledger
from mmt_grpc.store.opening import Store, open_store
from mmt_grpc.store.refusals import StartRefusedError
from mmt_grpc.telemetry.foreign import capture
from mmt_grpc.telemetry.log import Level, Log
from mmt_grpc.telemetry.process import set_title

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

FAILED: Final = 1
QUIET_SECONDS: Final = 10.0


class AuditEvents:
    """Tells the log, and the metrics where there are any, what the audit log could not do; `AuditObserver`."""

    def __init__(self, log: Log, count: Callable[[str], None], elapsed: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._count = count
        self._elapsed = elapsed
        self._quiet_until = 0.0

    def failed(self, what: str) -> None:
        """Raise an alarm, once in a while: as long as this lasts, nothing leaves, and each batch says so."""
        self._count(what)
        if self._elapsed() >= self._quiet_until:
            self._quiet_until = self._elapsed() + QUIET_SECONDS
            self._log.error("audit_failed", what=what)

    def opened(self, name: str) -> None:
        """Say where the chain goes on."""
        self._log.info("audit_file_opened", file=name)


def enter(process: ProcessSlice) -> Log:
    """Take the process's title and return its log; foreign loggers and uncaught exceptions go the same way."""
    set_title(f"mmt: {process.role.replace('-', ' ')}")
    level = Level[process.log_level.upper()]
    log = Log.to_stderr(process=process.role, wall_clock=time.time_ns, layout=process.log_format, level=level)
    capture(log)
    return log


def registry_of(process: ProcessSlice) -> "CollectorRegistry | None":
    """Return where this process's metrics are kept, None if nobody would read them."""
    if process.metrics_dir is None:
        return None
    # Imported only where it is wanted: it costs every process some megabytes.
    from mmt_grpc.telemetry.shared_values import share  # noqa: PLC0415  # see above

    return share(process.metrics_dir, process.role)


def audit_counter(registry: "CollectorRegistry | None") -> Callable[[str], None]:
    """Return where failures of the audit log are counted."""
    if registry is None:
        return lambda _: None
    from mmt_grpc.telemetry.metrics import AuditMetrics  # noqa: PLC0415  # as above

    return AuditMetrics(registry=registry).failed


def token_counter(registry: "CollectorRegistry | None", integrations: Collection[str]) -> Callable[[str, str], None]:
    """Return where what happens to tokens is counted: the event and the integration."""
    if registry is None:
        return lambda _, __: None
    from mmt_grpc.telemetry.metrics import TokenMetrics  # noqa: PLC0415  # as above

    return TokenMetrics(registry=registry, integrations=integrations).happened


def open_audit(audit: AuditSlice, process: ProcessSlice, log: Log, registry: "CollectorRegistry | None") -> FileAudit:
    """Return the process's audit log, begun; `AuditUnavailableError` if it cannot be."""
    return FileAudit(
        path=audit.path,
        role=process.role,
        life=process.life,
        wall_clock=time.time_ns,
        observer=AuditEvents(log, audit_counter(registry)),
        durability=audit.durability,
        rotate_bytes=audit.rotate_bytes,
    ).start()


def open_stores(
    stores: StoreSlice,
    log: Log,
    *,
    on_loss: Callable[[], None] = lambda: None,
    on_event: Callable[[str, str], None] = lambda _, __: None,
) -> tuple[Store, PeeweeLedger]:
    """Return the store and the ledger; nothing is connected yet.

    `on_loss` is told when the database was away, `on_event` what happened to tokens: the event and the integration.
    """
    events = StoreEvents(log)
    store = open_store(
        stores.database_url.reveal(),
        pool_size=stores.pool_size,
        settings=stores.options,
        on_fault=events.fault,
        on_loss=on_loss,
        on_event=on_event,
        on_unparsable=events.unparsable,
        on_unreachable=events.unreachable("database"),
    )
    ledger = open_ledger(
        stores.ledger_url.reveal(),
        settings=stores.options,
        on_fault=events.fault,
        on_unreachable=events.unreachable("ledger"),
    )
    return store, ledger


def stop_on_signals(stop: Callable[[], None], *, is_alone: bool = False) -> None:
    """Have SIGTERM stop the process, by `stop` on a thread of its own; call it from the main thread.

    An interrupt from a terminal does where the process `is_alone`; else it is the supervisor's to deal with.

    Python runs a handler on the main thread, once that has something to do. One that waits for a lock is woken only if
    the kernel has given the signal to this very thread, and now and then it is another's; so a descriptor tells.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, (lambda *_: None) if is_alone else signal.SIG_IGN)

    def hear() -> None:
        os.read(reader, 1)
        stop()

    threading.Thread(target=hear, name="signals", daemon=True).start()


def run_guarded(log: Log, main: Callable[[], bool]) -> None:
    """Run a process's main part and exit by what came of it: 0 done, 1 try again, 78 never with these settings."""
    try:
        done = main()
    except (StartRefusedError, KeyringError, SliceError) as error:
        log.error("refused_to_start", why=str(error))
        status = REFUSED_TO_START
    except (StoreUnavailableError, AuditUnavailableError) as error:
        log.error("cannot_start", reason=error.reason.value)
        status = FAILED
    else:
        status = 0 if done else FAILED
    sys.stderr.flush()
    # Threads of gRPC and of half-dead disks must not keep a process that is done.
    os._exit(status)


def background(name: str, work: Callable[[], None]) -> None:
    """Run work on a daemon thread."""
    threading.Thread(target=work, name=name, daemon=True).start()
