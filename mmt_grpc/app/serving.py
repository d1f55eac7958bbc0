"""The composition root of the supervisor: one replica, from its settings to its end."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mmt_grpc.app.administration import access_root
from mmt_grpc.app.failpoints import VARIABLE
from mmt_grpc.app.line import to_text
from mmt_grpc.app.listening import HeldAddress, hold
from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.app.supervisor import Supervisor
from mmt_grpc.crypto.keyrings import load_access_keyring
from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice, worker_slice
from mmt_grpc.telemetry.foreign import capture
from mmt_grpc.telemetry.log import Level, Log
from mmt_grpc.telemetry.process import set_title, wipe_environment

LIFE_BYTES: Final = 16
SECRET_BYTES: Final = 32
PREFIX: Final = "MMT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica about to run: its locked state directory, its addresses, and what else belongs to it."""

    settings: Settings
    state: StateDirectory
    addresses: Sequence[HeldAddress]
    channel: ChannelSlice
    metrics_dir: Path | None
    log: Log
    failpoints: str = ""
    started: set[str] = field(default_factory=set)

    def plans(self) -> list[ChildPlan]:
        """Return the plans of exchanger and workers."""
        cores = worker_cores(self.settings)
        exchanger = ChildPlan(
            role="exchanger",
            module="mmt_grpc.app.exchanger",
            start=self._start_exchanger,
            opens_gate=True,
            inherit=(self.state.lock,),
        )
        return [exchanger, *(self._worker(number, core) for number, core in enumerate(cores))]

    def _worker(self, number: int, core: int | None) -> ChildPlan:
        return ChildPlan(
            role=f"worker-{number}",
            module="mmt_grpc.app.worker",
            start=lambda: self._start_worker(f"worker-{number}", core),
            serves=True,
            answers={"keyring": lambda: {"keyring": to_text(self._keyring())}},
        )

    def _start_exchanger(self) -> Mapping[str, object]:
        content = exchanger_slice(self.settings, self._birth("exchanger")).to_bytes()
        points = self._failpoints("exchanger")
        return {"slice": to_text(content), "owner": to_text(self.state.owner), "failpoints": points}

    def _start_worker(self, role: str, core: int | None) -> Mapping[str, object]:
        addresses = tuple(address.text for address in self.addresses)
        content = worker_slice(
            self.settings, self._birth(role), addresses=addresses, keyring=self._keyring(), core=core
        ).to_bytes()
        return {"slice": to_text(content), "failpoints": self._failpoints(role)}

    def _birth(self, role: str) -> Birth:
        return Birth(
            role=role, life=secrets.token_bytes(LIFE_BYTES), channel=self.channel, metrics_dir=self.metrics_dir
        )

    def _failpoints(self, role: str) -> str:
        """Return the failpoints for a role's first life; there are none after it, and none outside dev."""
        first = role not in self.started
        self.started.add(role)
        return self.failpoints if first and self.settings.is_dev else ""

    def _keyring(self) -> bytes:
        """Open the access keyring as it stands now: workers have no root key."""
        keyring = load_access_keyring(directory=self.settings.keyring_dir, root_key=access_root(self.settings))
        return keyring.serialise()


def worker_cores(settings: Settings) -> list[int | None]:
    """Return a core for each worker, None for any: pinned only where each can have one of its own."""
    cores = sorted(os.sched_getaffinity(0))
    if not settings.table.pin_workers or settings.workers > len(cores):
        return [None] * settings.workers
    return list(cores[: settings.workers])


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
    more: Sequence[ChildPlan] = (),
) -> bool:
    """Run a replica until SIGTERM or an interrupt; return whether everything was drained.

    `ready` is what the ready file says besides `address` and `audit_path`; `more` are children that belong to it.
    Raises `AddressTakenError`, `KeyringError`, `StartFailedError`.
    """
    environment = dict(os.environ)
    log = start_log(settings)
    with ExitStack() as stack:
        addresses = [hold(address) for address in settings.table.listen]
        for address in addresses:
            stack.callback(address.holder.close)
        sockets = state.socket_directory()
        stack.callback(shutil.rmtree, sockets, ignore_errors=True)
        metrics_dir = _metrics(settings, state.path, stack, log)
        replica = Replica(
            settings=settings,
            state=state,
            addresses=addresses,
            channel=ChannelSlice(socket=sockets / "exchanger", secret=Secret(secrets.token_urlsafe(SECRET_BYTES))),
            metrics_dir=metrics_dir,
            log=log,
            failpoints=environment.get(VARIABLE, ""),
        )
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
            stack.callback(ready_file.unlink, missing_ok=True)

        def serving() -> None:
            log.info("serving", address=" ".join(address.text for address in addresses))
            if ready_file is not None:
                says = {"address": addresses[0].text, "audit_path": str(settings.audit_path), **ready}
                write_atomically(ready_file, json.dumps(says))

        supervisor = Supervisor(
            plans=[*more, *replica.plans()],
            environment=environment,
            log=log,
            serving=serving,
            ended=lambda _: None,
        )
        return supervisor.run()


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
    host, port = split(settings.table.metrics_listen)
    listener = MetricsListener(host=host, port=port, read=lambda: exposition(directory)).start()
    stack.callback(listener.close)
    log.info("metrics_served", address=listener.address)
    return directory


def write_atomically(path: Path, text: str) -> None:
    """Write a file (0600) that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
