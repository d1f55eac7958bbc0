"""What is peculiar to Coinbase (docs.cdp.coinbase.com, OAuth2 reference)."""

from typing import Final

from mmt_grpc.providers.dialect import Dialect

COINBASE: Final = Dialect(
    # The access token alone is revoked, and the answer is 200 whatever came of it.
    revokes_with_bearer=True,
    revokes_refresh_tokens=False,
    # A year and a half.
    renewal_life=1.5 * 365 * 24 * 3600,
)
