"""Tokens that a client brings: how long their refresh token lives is known where the exchange's documents say so."""

import pytest

from mmt_grpc.domain.model import OAuthTokens, Scope
from mmt_grpc.domain.secret import Secret
from tests.providers.acme import integration

COINBASE_LIFE = 1.5 * 365 * 24 * 3600
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("name", "renewal", "life"),
    [("coinbase", Secret("renewal"), COINBASE_LIFE), ("coinbase", None, None), ("acme", Secret("renewal"), None)],
)
def test_an_imported_refresh_token_lives_as_long_as_a_new_one(
    name: str, renewal: Secret | None, life: float | None
) -> None:
    provider = integration(NOWHERE, name=name)

    issued = provider.redeem(OAuthTokens(Secret("access"), renewal, None, ("read",)), Scope.READ)

    assert issued.renewal_expires_in == life
