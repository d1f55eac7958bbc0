"""What is peculiar to Coinbase (docs.cdp.coinbase.com, OAuth2 reference)."""

import dataclasses
from http import HTTPStatus
from typing import Final

from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.providers.classification import REFRESH
from mmt_grpc.providers.dialect import Dialect

COINBASE: Final = Dialect(
    # An expired or spent refresh token may answer 401, the status of a bad client elsewhere. One that names no error
    # decides nothing: neither is the user logged out by it, nor every other user's refresh held up.
    refresh_rules=dataclasses.replace(REFRESH, statuses={HTTPStatus.UNAUTHORIZED: Failure.AMBIGUOUS}),
    # The access token alone is revoked, and the answer is 200 whatever came of it.
    revokes_with_bearer=True,
    revokes_refresh_tokens=False,
    # A year and a half.
    renewal_life=1.5 * 365 * 24 * 3600,
)
