"""Many rows at once, of which single ones may be another version's: those are left out, and told of once."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import RowUnparsableError
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.store.rows import token_row
from mmt_grpc.store.statement import Row

MOST: Final = 1_000
"""Rows that are remembered: from so many on they are no longer told of, nor read past."""


@dataclass(frozen=True, slots=True)
class UnparsableRow:
    """A row that has a value of `column` which this version does not know: where it stands, and nothing of its data."""

    shard: int
    integration: str
    column: str


OnUnparsable = Callable[[UnparsableRow], None]
"""Told of each such row once in a life of the process."""


class RowParser:
    """Parses what one statement has read; used by several threads, to whom a row more or less makes no difference."""

    def __init__(self, *, on_unparsable: OnUnparsable) -> None:
        self._on_unparsable = on_unparsable
        self._told: set[bytes] = set()
        self._left_out: Counter[str] = Counter()

    def parsed(self, rows: Iterable[Row]) -> list[TokenRow]:
        """Return the rows, read as `ROW_COLUMNS`, that this version can make sense of."""
        parsed: list[TokenRow] = []
        for row in rows:
            try:
                parsed.append(token_row(row))
            except RowUnparsableError as error:
                self._leave_out(row, error.column)
        return parsed

    def left_out(self, integration: str) -> int:
        """Return how many rows of an integration have been left out so far: a batch is read by so many longer."""
        return self._left_out[integration]

    def _leave_out(self, row: Row, column: str) -> None:
        shard, token_key, _, integration = row[:4]
        if token_key in self._told or len(self._told) >= MOST:
            return
        self._told.add(token_key)
        name = integration if isinstance(integration, str) else integration.decode(errors="backslashreplace")
        self._left_out[name] += 1
        self._on_unparsable(UnparsableRow(shard, name, column))
