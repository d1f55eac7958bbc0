"""The whole service as a plain dictionary: what it knows of each connection, and what each verb has to say."""

from dataclasses import dataclass

from mmt_grpc.domain.errors import AccountMismatchError, MmtError, ScopeMismatchError
from mmt_grpc.domain.model import MICROSECONDS, Cause, Scope
from tests.support.fakes_world import HOUR

Identity = tuple[str, str, str, Scope]


@dataclass
class Entry:
    """What a dictionary knows of a connection."""

    token_id: str
    account: str
    generation: int
    expires_at: int
    withdrawn: bool = False
    condemned: bool = False


class Dictionary:
    """Connections by their identity: client, user, integration and scope. Times are the database's."""

    def __init__(self) -> None:
        self.entries: dict[Identity, Entry] = {}
        self.ever: set[str] = set()

    def refuses(self, identity: Identity, account: str, caller: Scope, *, may_change: bool) -> type[MmtError] | None:
        """Return how a Connect is refused, if it is."""
        entry = self.entries.get(identity)
        if caller < identity[3]:
            return ScopeMismatchError
        if entry is not None and entry.account != account and not may_change:
            return AccountMismatchError
        return None

    def connect(self, identity: Identity, token_id: str, account: str, now: int) -> None:
        """Do what a Connect does to an entry, or make one."""
        entry = self.entries.get(identity)
        generation = 1 if entry is None else entry.generation + 1
        self.entries[identity] = Entry(token_id, account, generation, now + HOUR)
        self.ever.add(token_id)

    def withdraw(self, integration: str, account: str) -> None:
        """Have an account's access withdrawn at the exchange, of which nobody is told."""
        for identity, entry in self.entries.items():
            if identity[2] == integration and entry.account == account:
                entry.withdrawn = True

    def resolve(self, identity: Identity, now: int) -> Cause | None:
        """Do to an entry what a Resolve does to it; return why that is refused."""
        entry = self.entries[identity]
        if identity[2] == "binance":
            return Cause.EXPIRED if entry.expires_at <= now else None
        if not entry.condemned and entry.expires_at - now < 60 * MICROSECONDS:
            self._refresh(entry, now)
        return Cause.PROVIDER_REVOKED if entry.condemned else None

    def look_after_relatives(self, integration: str, account: str, now: int) -> None:
        """A Revoke has the account's other connections probed; one that is dead is refreshed, which says the rest."""
        for identity, entry in self.entries.items():
            is_relative = (identity[2], entry.account) == (integration, account) and integration == "coinbase"
            if is_relative and not entry.condemned and (entry.withdrawn or entry.expires_at <= now):
                self._refresh(entry, now)

    def _refresh(self, entry: Entry, now: int) -> None:
        if entry.withdrawn:
            entry.condemned = True
            return
        entry.generation += 1
        entry.expires_at = now + HOUR
