"""Named points between durable steps where a test may make the process fail; absent unless switched on."""

from typing import Final, Protocol

NAMES: Final = (
    # Connect, in the exchanger: the request is PENDING; the grant is about to be sent; was; is on our disk; the row is
    # about to be committed; is.
    "connect.after_begin",
    "connect.before_exchange",
    "connect.after_exchange",
    "connect.after_spool",
    "connect.before_commit",
    "connect.after_commit",
    # A refresh, in the exchanger: nothing is leased; the row is; the connection is open; the provider has answered, or
    # refused; the answer is committed.
    "refresh.before_lease",
    "refresh.after_lease",
    "refresh.before_send",
    "refresh.after_answer",
    "refresh.after_refusal",
    "refresh.after_commit",
    # Revoke, in the worker: nothing is changed; the ledger says it; the credentials are handed over; the row is gone.
    "revoke.before_ledger",
    "revoke.after_ledger",
    "revoke.after_stage",
    "revoke.after_delete",
    # Revoke, in the exchanger: the credentials are on its disk; they are about to be revoked upstream; they were.
    "revoke.staged",
    "revoke.before_upstream",
    "revoke.after_upstream",
)
"""Every point there is, in the order in which a call comes by."""


class Failpoints(Protocol):
    """What happens at a named point."""

    def reach(self, name: str) -> None:
        """Do what is set for the point: nothing, raise, sleep, or kill the process."""
        ...


class NoFailpoints:
    """Nothing ever happens: the production wiring."""

    def reach(self, name: str) -> None:
        """Go on."""
