"""The store's ports in memory, held to the same tests as the databases."""

from dataclasses import dataclass, field

from tests.support.fake_budgets import FakeBudgets, FakeRecoveries
from tests.support.fake_connect import FakeTokens
from tests.support.fake_registry import FakeCallers, FakeInstallations, FakeLedger, FakeReplicas
from tests.support.fake_rows import FakeClock, FakeEvent

__all__ = [
    "FakeBudgets",
    "FakeCallers",
    "FakeClock",
    "FakeEvent",
    "FakeInstallations",
    "FakeLedger",
    "FakeRecoveries",
    "FakeReplicas",
    "FakeStore",
    "FakeTokens",
]


@dataclass
class FakeStore:
    """All of it, over one clock."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.installations = FakeInstallations()
        self.replicas = FakeReplicas(clock=self.clock, installations=self.installations)
        self.tokens = FakeTokens(clock=self.clock, registry=self.replicas)
        self.callers = FakeCallers()
        self.ledger = FakeLedger(clock=self.clock)
        self.recoveries = FakeRecoveries(installations=self.installations, replicas=self.replicas)
        self.budgets = FakeBudgets(clock=self.clock)
