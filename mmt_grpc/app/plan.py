"""Which children a replica has, and what each is told first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """One child: its role (`worker-0`, `exchanger`, `sandbox`), its module, and what its first message says.

    `start` is asked at each start, so that a restarted child gets what holds then. `opens_gate`: nothing is served
    before this child has been ready once. `answers`: what the child may ask of the supervisor, by message type.
    `linger`: how many seconds one that is replaced goes on for the connections that it has, taking no new ones.
    `grace`: for how many seconds, once it is asked to end, it may wait for what it has under way.
    """

    role: str
    module: str
    start: Callable[[], Mapping[str, object]]
    opens_gate: bool = False
    serves: bool = False
    linger: float = 0.0
    grace: float = 0.0
    inherit: tuple[int, ...] = ()
    answers: Mapping[str, Callable[[], Mapping[str, object]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the supervisor is, in seconds.

    `drain`: with a child that ends, beyond its grace. `start`: with a child that a roll awaits. An exchanger commits
    what it has, before it ends and before it serves; what the last one left, and a long ledger, may take it minutes.
    """

    first_pause: float = 0.1
    longest_pause: float = 10.0
    settled_after: float = 30.0
    drain: float = 15.0
    exchanger_drain: float = 20.0
    start: float = 120.0
    exchanger_start: float = 600.0

    def drain_of(self, plan: ChildPlan) -> float:
        """Return how long a child may take to end beyond its grace."""
        return self.exchanger_drain if plan.opens_gate else self.drain

    def start_of(self, plan: ChildPlan) -> float:
        """Return how long a roll waits for a child to be ready."""
        return self.exchanger_start if plan.opens_gate else self.start
