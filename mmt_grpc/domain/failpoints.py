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
    # A Connect that comes to nothing, or came to none in an earlier life: its request is rejected; what it brought is
    # kept twice, to be revoked; is revoked upstream.
    "unkept.after_reject",
    "unkept.after_put",
    "unkept.after_upstream",
    # A refresh, in the exchanger: nothing is leased; the row is.
    "refresh.before_lease",
    "refresh.after_lease",
    # Its intent on the disk: nothing is written; the file is, not synced; it is synced, not its name; both are.
    "spool.before_intent",
    "spool.before_intent_sync",
    "spool.before_intent_name_sync",
    "spool.after_intent",
    "refresh.after_intent",
    # The connection is open; the provider has answered, or refused.
    "refresh.before_send",
    "refresh.after_answer",
    "refresh.after_refusal",
    # The answer on the disk: nothing of it is written; it is, not synced; it is synced.
    "spool.before_answer",
    "spool.before_answer_sync",
    "spool.after_answer",
    # The answer is about to be committed; is; or the row was put back, put in doubt, condemned.
    "refresh.before_commit",
    "refresh.after_commit",
    "refresh.after_release",
    "refresh.after_doubt",
    "refresh.after_condemn",
    # An answer that an earlier life, or a database that was away, has left is about to be held against its row.
    "settle.before_commit",
    # The end of the record: the row is about to forget its owner; has; the file is about to be overwritten; removed.
    "refresh.before_scrub",
    "settle.before_clear",
    "settle.before_scrub",
    "spool.before_scrub",
    "spool.before_unlink",
    # A row names this replica, whose disk tells nothing for it: it was put back or in doubt, and names it still.
    "unrecorded.after_settle",
    # An outage was noticed: a recovery is open for all replicas; what this one holds is settled, and nobody knows.
    "recovery.after_open",
    "recovery.before_settle",
    # Revoke, in the worker: nothing is changed; the ledger says it; the credentials are handed over; the row is gone.
    "revoke.before_ledger",
    "revoke.after_ledger",
    "revoke.after_stage",
    "revoke.after_delete",
    # Revoke, in the exchanger: the credentials are on its disk; they are about to be revoked upstream; they were.
    "revoke.staged",
    "revoke.before_upstream",
    "revoke.after_upstream",
    # The ledger names a row: its credentials are on the disk; it is deleted, and the position is not written.
    "reconcile.after_stage",
    "reconcile.after_delete",
    # A record of a grant or a revocation: nothing is written; it is, not synced; it has its name, not synced; it is
    # whole. Its end: it is about to be overwritten; removed.
    "record.before_write",
    "record.before_sync",
    "record.before_name_sync",
    "record.after_write",
    "record.before_scrub",
    "record.before_unlink",
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
