"""Recoveries and the slots of providers' rate limits in memory."""

import threading

from mmt_grpc.domain.ports.store import Slots
from tests.support.fake_registry import FakeInstallations, FakeReplicas
from tests.support.fake_rows import FakeClock


class FakeRecoveries:
    """`Recoveries`."""

    def __init__(self, *, installations: FakeInstallations, replicas: FakeReplicas) -> None:
        self._installations = installations
        self._replicas = replicas

    def current(self) -> int:
        return self._installations.recovery

    def open(self, after: int) -> bool:
        return self._installations.open_recovery(after)

    def settle(self, owner: bytes, number: int) -> None:
        self._replicas.settle(owner, number)


class FakeBudgets:
    """`Budgets`."""

    def __init__(self, *, clock: FakeClock) -> None:
        self._clock = clock
        self._next_at: dict[str, int] = {}
        self._lock = threading.Lock()

    def lease_slots(self, integration: str, *, count: int, spacing: int, burst: int, horizon: int) -> Slots | None:
        if count < 1 or spacing < 1:
            raise ValueError("slots are counted and spaced by 1 or more")
        with self._lock:
            now = self._clock.now()
            first_at = max(self._next_at.get(integration, 0), now - burst * spacing)
            if first_at > now + horizon:
                return None
            while first_at + (count - 1) * spacing > now + horizon:
                count -= 1
            self._next_at[integration] = first_at + count * spacing
            return Slots(first_at=first_at, spacing=spacing, count=count, now=now)

    def postpone(self, integration: str, until: int) -> None:
        with self._lock:
            self._next_at[integration] = max(self._next_at.get(integration, 0), until)
