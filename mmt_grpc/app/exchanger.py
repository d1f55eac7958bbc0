"""The composition root of the exchanger: the only process with egress, provider secrets and renewal keys."""

import contextlib
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Final

from mmt_grpc.app import process
from mmt_grpc.app.child import Orders, join_line
from mmt_grpc.app.ending import Ending
from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.exchange_figures import exchange_figures
from mmt_grpc.app.failpoints import failpoints
from mmt_grpc.app.line import Line, from_text
from mmt_grpc.app.lives import Lives
from mmt_grpc.app.losses import Losses
from mmt_grpc.app.pacing_wiring import build_pacing
from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.crypto.index import KeyedIndex, KeyedRequestIndex
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.crypto.keyrings import load_access_keyring, load_renewal_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.crypto.rows import RowSealing
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.providers import Failure, Providers
from mmt_grpc.exchange import upstream
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.lanes import Lanes
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.exchange.write_back import StoppedError
from mmt_grpc.providers.registry import open_providers
from mmt_grpc.settings.exchanger_slice import ExchangerSlice, KeysSlice
from mmt_grpc.store.installations import check_installation
from mmt_grpc.telemetry.clock import BootClock
from mmt_grpc.telemetry.log import Log
from mmt_grpc.transport.internal.server import ExchangerServer

LIFE_BYTES: Final = 16


class Opened:
    """What the exchanger's settings name, opened; the engine is built on its ports."""

    def __init__(self, settings: ExchangerSlice, owner: bytes, points: Failpoints, log: Log) -> None:
        """Raises `KeyringError`."""
        self._settings = settings
        self._owner = owner
        self._points = points
        self._log = log
        self._losses = Losses()
        self.access_keyring, self.renewal_keyring = open_keyrings(settings.keys)
        self.registry = process.registry_of(settings.process)
        self.store, self.ledger = process.open_stores(
            settings.store,
            log,
            on_loss=self._losses.happened,
            on_event=process.token_counter(self.registry, settings.providers),
        )
        self._observer = exchange_figures(self.registry, settings.providers)
        self._pacing = build_pacing(settings.providers, self.store.budgets, self._observer, log)

    @cached_property
    def audit(self) -> FileAudit:
        """The audit log, begun when it is first asked for, after `check`: a start that fails is to leave no new file.

        Raises `AuditUnavailableError`.
        """
        return process.open_audit(self._settings.audit, self._settings.process, self._log, self.registry)

    def check(self) -> None:
        """Raise a `StartRefusedError` unless the database is this installation's and up to date."""
        self.store.check_schema()
        check_installation(
            self.store.installations,
            self.ledger,
            index_check=KeyedIndex(access_keyring=self.access_keyring).index_check(),
            mode="dev" if self._settings.process.is_dev else "production",
        )

    def parts(self, on_taken: Callable[[], None] = lambda: None) -> Parts:
        """Return what the engine stands on; `on_taken` is told if another life has taken the replica's id.

        Raises `AuditUnavailableError`.
        """
        spool, attempt_log = self._spool()
        life = secrets.token_bytes(LIFE_BYTES)
        over = Lives(self._settings.state_dir).begin(life)
        return Parts(
            owner=self._owner,
            life=life,
            tokens=self.store.tokens,
            requests=self.store.tokens,
            replicas=self.store.replicas,
            installations=self.store.installations,
            recoveries=self.store.recoveries,
            ledger=self.ledger,
            index=KeyedIndex(access_keyring=self.access_keyring),
            request_index=KeyedRequestIndex(access_keyring=self.access_keyring),
            sealing=self._row_sealing(),
            epochs=self._epochs,
            audit=self.audit,
            providers=self._providers(),
            integrations=frozenset(self._settings.providers),
            spool=spool,
            attempt_log=attempt_log,
            pacing=self._pacing,
            lanes=Lanes(),
            revocation_lanes=Lanes(threads=upstream.THREADS, longest_queue=upstream.QUEUED),
            clock=BootClock(),
            wall_clock=lambda: time.time_ns() // 1_000,
            is_over=over.__contains__,
            on_taken=on_taken,
            randomness=SystemRandomness(),
            failpoints=self._points,
            stopping=threading.Event(),
            losses=self._losses,
            observer=self._observer,
            log=self._log,
        )

    def _spool(self) -> tuple[Spool, AttemptFiles]:
        """Return the two halves of the spool: Connects' and revocations' records, and refreshes'."""
        records = RenewalRecordSealing(renewal_keyring=self.renewal_keyring, randomness=SystemRandomness())
        directory, points, log = self._settings.state_dir / "spool", self._points, self._log
        return (
            Spool(directory=directory, sealing=records, failpoints=points, log=log),
            AttemptFiles(directory=directory, sealing=records, failpoints=points, log=log),
        )

    def _row_sealing(self) -> RowSealing:
        return RowSealing(
            access_keyring=self.access_keyring, renewal_keyring=self.renewal_keyring, randomness=SystemRandomness()
        )

    def _providers(self) -> Providers:
        def on_retry(integration: str, failure: Failure, number: int) -> None:
            self._log.info("provider_retry", integration=integration, failure=failure.value, number=number)

        pacing = self._pacing
        return open_providers(
            self._settings.providers,
            on_retry=on_retry,
            may_retry=pacing.may_retry,
            on_first_try=pacing.first_try,
            observer=self._observer,
        )

    def _epochs(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Read both keyrings again and return the epochs that are loaded now, access and renewal.

        A keyring that cannot be read now stays as it was: this replica lives, and says what it has.
        """
        for keyring in (self.access_keyring, self.renewal_keyring):
            with contextlib.suppress(StoreUnavailableError):
                keyring.refresh()
        return self.access_keyring.epochs, self.renewal_keyring.epochs


def open_keyrings(keys: KeysSlice) -> tuple[AccessKeyring, RenewalKeyring]:
    """Open both keyrings; raises `KeyringError`."""
    randomness, clock = SystemRandomness(), BootClock()
    access_root = FileRootKey.load(keys.access_root_key_file, randomness=randomness)
    renewal_root = FileRootKey.load(keys.renewal_root_key_file, randomness=randomness)
    return (
        load_access_keyring(directory=keys.directory, root_key=access_root, clock=clock),
        load_renewal_keyring(directory=keys.directory, root_key=renewal_root, clock=clock),
    )


def run(line: Line, settings: ExchangerSlice, owner: bytes, points: Failpoints, log: Log) -> bool:
    """Do exchanges until told to stop; True if everything came to its end."""
    ending = Ending()
    process.stop_on_signals(ending.ask)
    Orders(line, {}, gone=ending.ask).start()
    opened = Opened(settings, owner, points, log)
    opened.check()
    engine = EngineWiring(opened.parts(on_taken=ending.ask)).engine()
    server = ExchangerServer(
        exchanger=engine,
        socket_path=str(settings.channel.socket),
        secret=settings.channel.secret,
        log=log,
    )
    try:
        with ending.heard_by(engine.stopping):
            engine.start()
    except StoppedError:
        # What the start was to settle is on the disk, for the next one.
        drained = False
    else:
        drained = serve(line, engine, server, ending, grace=settings.process.grace)
    opened.audit.close()
    if not drained:
        log.error("spool_not_drained")
    return drained


def serve(line: Line, engine: ExchangeEngine, server: ExchangerServer, ending: Ending, *, grace: float) -> bool:
    """Serve on an engine that was started, until told to stop; True if everything came to its end.

    However that ends, what the engine has sent to an exchange is waited for.
    """
    try:
        if not ending.asked.is_set():
            server.start()
            try:
                # A Revoke under way waits for the server; whoever is not served yet, until a backup is dealt with.
                engine.wait_for_revokes(is_stopping=ending.asked.is_set)
                line.send("ready")
                ending.asked.wait()
            finally:
                server.stop(grace)
    finally:
        drained = engine.stop()
    return drained


def main(arguments: list[str]) -> None:
    """Run as a child of the supervisor; at its death what is under way comes to its end first."""
    line = join_line(arguments, signal.SIGTERM)
    message = line.receive()
    settings = ExchangerSlice.from_bytes(from_text(message["slice"]))
    log = process.enter(settings.process)
    points = failpoints(message["failpoints"], log)
    process.run_guarded(log, lambda: run(line, settings, from_text(message["owner"]), points, log))


if __name__ == "__main__":
    main(sys.argv[1:])
