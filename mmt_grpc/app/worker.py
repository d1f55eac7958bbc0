"""The composition root of a worker: answers callers, and can open no refresh token."""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mmt_grpc.app import process
from mmt_grpc.app.child import Orders, join_line
from mmt_grpc.app.failpoints import failpoints
from mmt_grpc.app.line import Line, Message, from_text
from mmt_grpc.app.losses import Losses
from mmt_grpc.app.worker_wiring import Parts, build_server
from mmt_grpc.crypto.contents import KeyringContents, decode
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.keyring import AccessKeyring, Reload
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.revival_proof import RevivalProof
from mmt_grpc.settings.slices import WorkerSlice
from mmt_grpc.store.installations import check_installation
from mmt_grpc.store.ledger import PeeweeLedger
from mmt_grpc.store.opening import Store
from mmt_grpc.telemetry.clock import BootClock
from mmt_grpc.telemetry.log import Log
from mmt_grpc.transport.internal.client import InternalExchanger
from mmt_grpc.transport.metrics import CallMetrics
from mmt_grpc.transport.server import TokenServer

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

KEYRING_PATIENCE: Final = 2.0
LOOK_INTERVAL: Final = 1.0
"""Seconds between looks at the database: whether it answers, and whether it is the one that it was."""
PROOF_PAUSES: Final = (1.0, 0.2)
"""Seconds between steps of the proof that ends a doubt: where it has to wait, and between batches."""
LINGERING_PAUSE: Final = 0.1
"""Seconds between looks at whether anybody is still connected to a worker that leaves."""
TURNING_AWAY: Final = 0.2
"""Seconds between saying NOT_SERVING and taking no more calls."""


class Worker:
    """A worker between its first message and its end."""

    def __init__(self, line: Line, settings: WorkerSlice, points: Failpoints, log: Log) -> None:
        self._line = line
        self._failpoints = points
        self._settings = settings
        self._log = log
        self._stopping = threading.Event()
        self._serve = threading.Event()
        self._asked = threading.Event()
        self._lingering = 0.0
        self._keyrings: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def run(self) -> bool:
        """Serve until told to stop; True if every call in progress came to its end."""
        process.stop_on_signals(self._stop)
        orders: dict[str, Callable[[Message], None]] = {
            "serve": lambda _: self._serve.set(),
            "keyring": lambda message: self._keyrings.put(from_text(message["keyring"])),
            "leave": lambda message: self._leave(message["seconds"]),
        }
        Orders(self._line, orders, gone=self._stop).start()
        parts = self._parts()
        proof = RevivalProof(guard=parts.guard, rows=parts.store.tokens, ledger=parts.ledger)
        proof.step()
        server = build_server(parts, self._settings)
        server.bind()
        self._serve.wait()
        if not self._stopping.is_set():
            server.start()
            self._line.send("ready")
            process.background("readiness", lambda: self._watch(server, parts.guard))
            process.background("revivals", lambda: self._rule_out_revivals(proof))
            self._asked.wait()
            self._linger(server)
        self._stopping.set()
        # Health says NOT_SERVING first: a call that arrives in the instant of the stop may see CANCELLED instead of a
        # refusal (grpc/grpc#41785), so balancers and channels are given a moment to turn away.
        server.announce_drain()
        time.sleep(TURNING_AWAY)
        server.drain(self._settings.process.grace)
        return True

    def _stop(self) -> None:
        self._stopping.set()
        self._serve.set()
        self._asked.set()

    def _leave(self, seconds: float) -> None:
        """Begin to leave: another worker has come, and the supervisor waits so long for this one's connections."""
        self._lingering = seconds
        self._serve.set()
        self._asked.set()

    def _linger(self, server: TokenServer) -> None:
        """Serve the connections that there are until they are old: what follows ends calls that cross it unbegun.

        gRPC's core says goodbye to a connection of that age without losing a call, and to all at its end not so.
        """
        if self._stopping.is_set():
            return
        server.stop_listening()
        until = time.monotonic() + self._lingering
        while server.has_connections() and time.monotonic() < until:
            if self._stopping.wait(LINGERING_PAUSE):
                return

    def _parts(self) -> Parts:
        settings, log = self._settings, self._log
        keyring = AccessKeyring.deserialise(settings.keyring, reload=Reload(self._ask_keyring, BootClock()))
        losses = Losses()
        registry = process.registry_of(settings.process)
        on_event = process.token_counter(registry, settings.integrations)
        store, ledger = process.open_stores(settings.store, log, on_loss=losses.happened, on_event=on_event)
        guard = RevivalGuard(installations=store.installations, ledger=ledger, clock=BootClock(), log=log)
        losses.listener = guard.suspect
        # Before the audit log is begun: a start that fails is to leave no new file.
        check(store, ledger, keyring)
        return Parts(
            keyring=keyring,
            store=store,
            ledger=ledger,
            audit=process.open_audit(settings.audit, settings.process, log, registry),
            exchanger=InternalExchanger(socket_path=str(settings.channel.socket), secret=settings.channel.secret),
            guard=guard,
            metrics=call_metrics(registry),
            failpoints=self._failpoints,
            log=log,
        )

    def _ask_keyring(self) -> KeyringContents:
        """Have the supervisor read the keyring again: a worker has no root key to open it with."""
        # What came too late for an earlier question is no answer to this one.
        with contextlib.suppress(queue.Empty):
            while True:
                self._keyrings.get_nowait()
        self._line.send("keyring")
        try:
            return decode(self._keyrings.get(timeout=KEYRING_PATIENCE))
        except queue.Empty:
            raise KeyringError("the supervisor did not answer") from None

    def _rule_out_revivals(self, proof: RevivalProof) -> None:
        """End doubts about the database as soon as that can be proved."""
        may_go_on = False
        while not self._stopping.wait(PROOF_PAUSES[may_go_on]):
            try:
                may_go_on = proof.step()
            except StoreUnavailableError:
                may_go_on = False

    def _watch(self, server: TokenServer, guard: RevivalGuard) -> None:
        """Let health say whether a Resolve would work: not on a database that is away, or another installation's."""
        serving = True
        while not self._stopping.wait(LOOK_INTERVAL):
            try:
                works = guard.look() is not None
            except StoreUnavailableError:
                works = False
            if works != serving:
                server.set_serving(serving=works)
                (self._log.info if works else self._log.error)("readiness_changed", serving=works)
                serving = works


def check(store: Store, ledger: PeeweeLedger, keyring: AccessKeyring) -> None:
    """Raise a `StartRefusedError` unless the database is this installation's and up to date."""
    store.check_schema()
    index_check = KeyedIndex(access_keyring=keyring).index_check()
    installation = store.installations.read()
    mode = "" if installation is None else installation.mode
    check_installation(store.installations, ledger, index_check=index_check, mode=mode)


def call_metrics(registry: "CollectorRegistry | None") -> CallMetrics:
    """Return where calls are counted; without a metrics listener nobody would read them."""
    if registry is None:
        return UncountedCalls()
    # Imported only where it is wanted: it costs every worker some megabytes.
    from mmt_grpc.telemetry.metrics import ServerMetrics  # noqa: PLC0415  # see above

    return ServerMetrics(registry=registry)


class UncountedCalls:
    """`CallMetrics` of a replica that shows no metrics."""

    def observe(self, method: str, code: str, reason: str | None, seconds: float) -> None:
        """Let it pass."""


def main(arguments: list[str]) -> None:
    """Run as a child of the supervisor."""
    line = join_line(arguments, signal.SIGKILL)
    message = line.receive()
    settings = WorkerSlice.from_bytes(from_text(message["slice"]))
    if settings.core is not None:
        os.sched_setaffinity(0, {settings.core})
    log = process.enter(settings.process)
    process.run_guarded(log, Worker(line, settings, failpoints(message["failpoints"], log), log).run)


if __name__ == "__main__":
    main(sys.argv[1:])
