"""The composition root of the supervisor: one replica, from its settings to its end."""

import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from mmt_grpc.app.failpoints import VARIABLE
from mmt_grpc.app.listening import AddressTakenError, HeldAddress, hold
from mmt_grpc.app.plan import ChildPlan, Pace
from mmt_grpc.app.reloading import Reloading
from mmt_grpc.app.replica import Replica, child_figures
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.app.supervisor import Supervisor
from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.telemetry.foreign import capture
from mmt_grpc.telemetry.log import Level, Log
from mmt_grpc.telemetry.process import set_title, wipe_environment

SECRET_BYTES: Final = 32
PREFIX: Final = "MMT_"


def start_log(settings: Settings) -> Log:
    """Become the supervisor as others see it: title, environment, log."""
    wipe_environment(PREFIX)
    set_title("mmt: supervisor")
    level = Level[settings.log.level.upper()]
    log = Log.to_stderr(process="supervisor", wall_clock=time.time_ns, layout=settings.log.format, level=level)
    capture(log)
    return log


def serve(
    settings: Settings,
    state: StateDirectory,
    *,
    ready_file: Path | None,
    ready: Mapping[str, object],
    reread: Callable[[], Settings],
    more: Sequence[ChildPlan] = (),
) -> bool:
    """Run a replica until SIGTERM or an interrupt; return whether everything was drained.

    `ready` is what the ready file says besides `address` and `audit_path`; `reread` reads the settings again at SIGHUP;
    `more` are children of the replica's. Raises `AddressTakenError`, `KeyringError`, `StartFailedError`.
    """
    environment = dict(os.environ)
    log = start_log(settings)
    # What `mmt replicas list` and rows name this replica by.
    log.info("replica_started", replica=state.owner.hex())
    with ExitStack() as stack:
        addresses = _held(settings.table.listen, stack)
        replica = Replica(
            settings=settings,
            state=state,
            addresses=addresses,
            channel=_channel(state, stack),
            metrics_dir=_metrics(settings, state.path, stack, log),
            log=log,
            failpoints=environment.get(VARIABLE, ""),
        )
        says = {"address": addresses[0].text, "audit_path": str(settings.audit_path), **ready}
        supervisor = Supervisor(
            plans=[*more, *replica.plans()],
            environment=environment,
            log=log,
            serving=_announcement(ready_file, says, stack, log),
            watcher=child_figures(replica),
            pace=Pace(longest_pause=settings.table.restart_pause),
            reload=Reloading(replica, reread, more).plans,
        )
        return supervisor.run()


def _channel(state: StateDirectory, stack: ExitStack) -> ChannelSlice:
    """Return where workers and exchanger meet, and by what they know each other, in this run of the replica."""
    sockets = state.socket_directory()
    stack.callback(shutil.rmtree, sockets, ignore_errors=True)
    return ChannelSlice(socket=sockets / "exchanger", secret=Secret(secrets.token_urlsafe(SECRET_BYTES)))


def _held(listen: Sequence[str], stack: ExitStack) -> list[HeldAddress]:
    addresses = [hold(address) for address in listen]
    for address in addresses:
        stack.callback(address.holder.close)
    return addresses


def _announcement(
    ready_file: Path | None, says: Mapping[str, object], stack: ExitStack, log: Log
) -> Callable[[], None]:
    """Return what to do once it serves; the ready file of an earlier run is no word of this one's."""
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
        stack.callback(ready_file.unlink, missing_ok=True)

    def announce() -> None:
        log.info("serving", address=says["address"])
        if ready_file is not None:
            write_atomically(ready_file, json.dumps(says))

    return announce


def _metrics(settings: Settings, state_dir: Path, stack: ExitStack, log: Log) -> Path | None:
    """Show all processes' metrics on the listener that the settings name, if they name one."""
    if settings.table.metrics_listen is None:
        return None
    # Imported only where it is wanted: it costs the start some time.
    from mmt_grpc.app.listening import split  # noqa: PLC0415  # see above
    from mmt_grpc.telemetry.listener import MetricsListener  # noqa: PLC0415  # see above
    from mmt_grpc.telemetry.shared_values import exposition, prepare  # noqa: PLC0415  # see above

    directory = state_dir / "metrics"
    prepare(directory)
    address = settings.table.metrics_listen
    host, port = split(address)
    try:
        listener = MetricsListener(host=host, port=port, read=lambda: exposition(directory)).start()
    except OSError as error:
        raise AddressTakenError(
            f"metrics_listen: cannot listen on {address}: {error.strerror or 'it is no address'}"
        ) from None
    stack.callback(listener.close)
    log.info("metrics_served", address=listener.address)
    return directory


def write_atomically(path: Path, text: str) -> None:
    """Write a file (0600) that is there whole or not at all."""
    # A name that nobody can guess, for a file that is new: where others may write too, it must not be one of theirs.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
