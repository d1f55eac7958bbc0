"""Callers of a database that may be another's: an API key is unknown only where it should be known."""

from mmt_grpc.domain.ports.store import ApiKeyRow, Callers, ClientRow
from mmt_grpc.domain.revival_guard import RevivalGuard


class DoubtedCallers:
    """`Callers` that says `StoreUnavailableError`, not that there is no such key, where the database is another's."""

    def __init__(self, *, callers: Callers, guard: RevivalGuard) -> None:
        self._callers = callers
        self._guard = guard

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        """Read an API key and its client."""
        calm = self._guard.calm
        rows = self._callers.read_api_key(key_id)
        if rows is None:
            self._guard.check(calm, None)
        return rows
