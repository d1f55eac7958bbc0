"""What all replicas of a run stand in."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.database import Database
from tests.simulation.exchange import Exchange
from tests.simulation.oracle import Oracle
from tests.simulation.scheduler import Scheduler
from tests.simulation.sealing import PlainSealing

if TYPE_CHECKING:
    # A replica knows its world: one of the two has to be there first.
    from tests.simulation.replica import Replica


@dataclass(kw_only=True)
class World:
    """One database, one exchange, whoever watches them, and the replicas."""

    scheduler: Scheduler
    database: Database
    exchange: Exchange
    oracle: Oracle
    sealing: PlainSealing
    stretch: float
    """How much longer a replica waits between its rounds than in earnest: fewer of them, the same order."""
    replicas: list["Replica"] = field(default_factory=list)
