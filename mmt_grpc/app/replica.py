"""What a replica is made of: its children, and what each of them is told when it starts."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mmt_grpc.app.administration import access_root
from mmt_grpc.app.child_watcher import ChildWatcher, NoWatcher
from mmt_grpc.app.line import to_text
from mmt_grpc.app.listening import HeldAddress
from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.keyrings import load_access_keyring
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice, worker_slice
from mmt_grpc.telemetry.log import Log

LIFE_BYTES: Final = 16
AGE_JITTER: Final = 0.1
"""gRPC's core spreads the ages of connections by so much, lest all reconnect at once."""
GOODBYE: Final = 2.0
"""Seconds for the word that a connection is too old to reach its other end, and for calls that crossed it."""

LONGEST_LINGER: Final = 120.0
"""A roll is not to last as long as connections that hardly ever grow old."""


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

    def plans(self, first: int = 0) -> list[ChildPlan]:
        """Return the plans of exchanger and workers, these numbered from `first`."""
        cores = worker_cores(self.settings)
        exchanger = ChildPlan(
            role="exchanger",
            module="mmt_grpc.app.exchanger",
            start=self._start_exchanger,
            opens_gate=True,
            grace=exchanger_grace(self.settings),
            inherit=(self.state.lock,),
        )
        return [exchanger, *(self._worker(number, core) for number, core in enumerate(cores, first))]

    def _worker(self, number: int, core: int | None) -> ChildPlan:
        return ChildPlan(
            role=worker_role(number),
            module="mmt_grpc.app.worker",
            start=lambda: self._start_worker(worker_role(number), core),
            serves=True,
            linger=linger(self.settings.table.max_connection_age),
            grace=self.settings.table.grace,
            answers={"keyring": self._answer_keyring},
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

    def _answer_keyring(self) -> Mapping[str, object]:
        """Answer a worker that has met an unknown epoch; with nothing, which it refuses, if none can be read now."""
        try:
            return {"keyring": to_text(self._keyring())}
        except KeyringError as error:
            self.log.error("keyring_not_read", why=str(error))
            return {"keyring": ""}

    def _keyring(self) -> bytes:
        """Open the access keyring as it stands now: workers have no root key."""
        keyring = load_access_keyring(directory=self.settings.keyring_dir, root_key=access_root(self.settings))
        return keyring.serialise()


def linger(connection_age: float) -> float:
    """Return how many seconds a worker stays until all its connections have been asked to go elsewhere."""
    return min(connection_age * (1 + AGE_JITTER) + GOODBYE, LONGEST_LINGER)


def exchanger_grace(settings: Settings) -> float:
    """Return how many seconds an exchanger that ends may wait: for its callers, then for what a provider owes it."""
    longest = max((options.total_timeout for options in settings.providers.values()), default=0.0)
    return settings.table.grace + longest


def worker_cores(settings: Settings) -> list[int | None]:
    """Return a core for each worker, None for any: pinned only where each can have one of its own."""
    cores = sorted(os.sched_getaffinity(0))
    if not settings.table.pin_workers or settings.workers > len(cores):
        return [None] * settings.workers
    return list(cores[: settings.workers])


def worker_role(number: int) -> str:
    """Return the role of a worker."""
    return f"worker-{number}"


def child_figures(replica: Replica) -> ChildWatcher:
    """Return where the supervisor counts what becomes of its children."""
    if replica.metrics_dir is None:
        return NoWatcher()
    # Imported only where it is wanted: it costs the start some time.
    from mmt_grpc.telemetry.metrics import ProcessMetrics  # noqa: PLC0415  # see above
    from mmt_grpc.telemetry.shared_values import share  # noqa: PLC0415  # see above

    # A rolling restart numbers its workers from where the ones before it end, and back again.
    count = replica.settings.workers
    roles = [plan.role for first in (0, count) for plan in replica.plans(first)]
    return ProcessMetrics(registry=share(replica.metrics_dir, "supervisor"), processes=roles)
