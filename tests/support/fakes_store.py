"""The store's ports in memory, held to the same tests as the databases."""

from dataclasses import dataclass, field

from tests.support.fake_connect import FakeTokens
from tests.support.fake_registry import FakeCallers, FakeInstallations, FakeLedger, FakeReplicas
from tests.support.fake_rows import FakeClock, FakeEvent

__all__ = [
    "FakeCallers",
    "FakeClock",
    "FakeEvent",
    "FakeInstallations",
    "FakeLedger",
    "FakeReplicas",
    "FakeStore",
    "FakeTokens",
]


@dataclass
class FakeStore:
    """All of it, over one clock."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.replicas = FakeReplicas(clock=self.clock)
        self.tokens = FakeTokens(clock=self.clock, see=self.replicas.see)
        self.callers = FakeCallers()
        self.installations = FakeInstallations()
        self.ledger = FakeLedger(clock=self.clock)
