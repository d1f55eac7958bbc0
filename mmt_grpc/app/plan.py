"""Which children a replica has, and what each is told first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """One child: its role (`worker-0`, `exchanger`, `sandbox`), its module, and what its first message says.

    `start` is asked at each start, so that a restarted child gets what holds then. `opens_gate`: nothing is served
    before this child has been ready once. `answers`: what the child may ask of the supervisor, by message type.
    `linger`: how many seconds one that is replaced goes on for the connections that it has, taking no new ones.
    """

    role: str
    module: str
    start: Callable[[], Mapping[str, object]]
    opens_gate: bool = False
    serves: bool = False
    linger: float = 0.0
    inherit: tuple[int, ...] = ()
    answers: Mapping[str, Callable[[], Mapping[str, object]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the supervisor is, in seconds."""

    first_pause: float = 0.1
    longest_pause: float = 10.0
    settled_after: float = 30.0
    drain: float = 30.0
    exchanger_drain: float = 45.0
