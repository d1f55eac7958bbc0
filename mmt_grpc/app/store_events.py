"""What the store has to tell operators, as events in a process's log."""

from collections.abc import Callable
from dataclasses import dataclass

from mmt_grpc.store.execution import FaultReport
from mmt_grpc.store.parsing import UnparsableRow
from mmt_grpc.store.reachability import Unreachable
from mmt_grpc.telemetry.log import Log


@dataclass(frozen=True, slots=True)
class StoreEvents:
    """Tells the log what the database and the ledger could not do."""

    log: Log

    def fault(self, report: FaultReport) -> None:
        """Say that a statement failed for the database's reasons."""
        self.log.warning("store_fault", phase=report.phase, kind=report.kind, number=report.number)

    def unparsable(self, row: UnparsableRow) -> None:
        """Say where a row is that holds what no row may."""
        self.log.error("row_unparsable", shard=row.shard, integration=row.integration, column=row.column)

    def unreachable(self, store: str) -> Callable[[Unreachable], None]:
        """Return what says why no connection to one of them (`database`, `ledger`) can be had."""

        def say(why: Unreachable) -> None:
            self.log.error(
                "store_unreachable",
                store=store,
                place=why.place,
                kind=why.kind,
                number=why.number,
                cause=why.cause,
                errno=why.errno,
            )

        return say
