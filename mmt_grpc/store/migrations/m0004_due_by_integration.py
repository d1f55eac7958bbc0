"""Step 4: what is due is found by integration, so that the rows of one that is left alone are not read past.

The index on the time alone stays: the version before finds its rows by it. This model names columns that are there.
"""

from typing import Final

import peewee

from mmt_grpc.store.migrations.fields import Label, Number


class Token(peewee.Model):
    """Each integration's rows in the order in which they become due."""

    integration = Label(63)
    next_refresh_at = Number(null=True)

    class Meta:
        table_name = "token"
        primary_key = False
        indexes = ((("integration", "next_refresh_at"), False),)


ADDITIONS: Final[tuple[type[peewee.Model], ...]] = (Token,)
