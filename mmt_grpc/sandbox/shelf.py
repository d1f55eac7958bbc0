"""A dictionary of records whose every change is also written to the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Generic, TypeVar

from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.records import Record, encode

RecordT = TypeVar("RecordT", bound=Record)


class Shelf(Generic[RecordT]):
    """All records of one kind, in memory, read from the journal once."""

    def __init__(self, *, kind: type[RecordT], journal: Journal) -> None:
        self._kind = kind.KIND
        self._journal = journal
        loaded = (kind.from_body(json.loads(body)) for body in journal.records(kind.KIND))
        self._records: dict[str, RecordT] = {record.key: record for record in loaded}

    def __iter__(self) -> Iterator[RecordT]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str) -> RecordT | None:
        """The record of that key, or None."""
        return self._records.get(key)

    def put(self, record: RecordT) -> None:
        """Keep a new record, or write down that one has changed."""
        self._records[record.key] = record
        self._journal.put(self._kind, record.key, encode(record))

    def drop(self, key: str) -> None:
        """Forget a record."""
        if self._records.pop(key, None) is not None:
            self._journal.drop(self._kind, key)
