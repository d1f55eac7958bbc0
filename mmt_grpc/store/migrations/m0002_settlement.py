"""Step 2: columns to settle refreshes in doubt and recoveries by, slots by time, and the last failure of a token.

Every column has a default or may be NULL, so that the version before goes on writing rows as it did. These models hold
what the step adds to each table.
"""

from typing import Final

import peewee

from mmt_grpc.store.migrations.fields import Label, Number

_FROM_ZERO: Final = (peewee.SQL("DEFAULT 0"),)


class Token(peewee.Model):
    """The last failure as a fixed word, and since when a condemned row has kept the renewal that is to be erased."""

    last_failure = Label(32, null=True)
    failed_at = Number(null=True)
    condemned_at = Number(null=True, index=True)

    class Meta:
        table_name = "token"
        primary_key = False


class Replica(peewee.Model):
    """The newest recovery that a replica has settled."""

    settled_recovery = Number(constraints=_FROM_ZERO)

    class Meta:
        table_name = "replica"
        primary_key = False


class Installation(peewee.Model):
    """The newest recovery."""

    recovery = Number(constraints=_FROM_ZERO)

    class Meta:
        table_name = "installation"
        primary_key = False


class ProviderBudget(peewee.Model):
    """When the next slot is free; windows are used no more."""

    next_at = Number(constraints=_FROM_ZERO)

    class Meta:
        table_name = "provider_budget"
        primary_key = False


ADDITIONS: Final[tuple[type[peewee.Model], ...]] = (Token, Replica, Installation, ProviderBudget)

_REAUTHENTICATION: Final = 4
CONDEMNED_BEFORE: Final = (
    "UPDATE token SET condemned_at = {now}, version = version + 1 "
    f"WHERE state = {_REAUTHENTICATION} AND condemned_at IS NULL AND renewal_blob IS NOT NULL"
)
"""What the version before condemned: its days begin with this step."""
