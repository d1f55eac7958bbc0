"""Step 3: what was taken of each provider's rate limit within the last window.

The column may be NULL, so that the version before goes on writing rows as it did. This model holds what the step adds.
"""

from typing import Final

import peewee

from mmt_grpc.store.migrations.fields import Bytes

_SPENT: Final = 780


class ProviderBudget(peewee.Model):
    """65 times a moment (8 bytes) and how many were taken in the bucket that ended with it (4 bytes), oldest first;
    `next_at` says from now on when the provider may be asked again.
    """

    spent = Bytes(_SPENT, null=True)

    class Meta:
        table_name = "provider_budget"
        primary_key = False


ADDITIONS: Final[tuple[type[peewee.Model], ...]] = (ProviderBudget,)
