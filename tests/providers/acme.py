"""An OAuth integration at a scripted server, as the tests of one request want it."""

from collections.abc import Callable
from typing import Any

import pytest

from mmt_grpc.domain.model import AuthorizationCode, Credential, Scope, Upstream
from mmt_grpc.domain.ports.providers import Failure, Issued, Learn, Provider, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.registry import Surroundings, open_providers
from mmt_grpc.providers.retrying import OnRetry
from tests.support.settings_tables import options_of

TOKENS = {"access_token": "new-access", "refresh_token": "new-renewal", "token_type": "Bearer", "expires_in": 3600}
CODE = AuthorizationCode(Secret("canary-code"), "https://app.example/back", Secret("canary-verifier"))
RENEWAL = Secret("canary-renewal")
QUICK: dict[str, Any] = {"connect_timeout": 0.3, "total_timeout": 0.3}


def integration(
    url: str,
    *,
    name: str = "acme",
    surroundings: Surroundings | None = None,
    on_retry: OnRetry = lambda *_: None,
    **fields: object,
) -> Provider:
    """Open one OAuth integration whose endpoints are all at `url`."""
    table = {
        "token_url": f"{url}/token",
        "revoke_url": f"{url}/revoke",
        "account_url": f"{url}/account",
        "client_id": "our-id",
        "client_secret": "canary-client-secret",
        "read_scopes": "read",
        "write_scopes": "read write",
        **fields,
    }
    options = {name: options_of(name, table)}
    around = surroundings or Surroundings(sleep=lambda _: None)
    return open_providers(options, on_retry=on_retry, surroundings=around).get(name)


def refresh(provider: Provider) -> Issued:
    """Refresh once."""
    channel = provider.open_refresh()
    try:
        return channel.refresh(RENEWAL)
    finally:
        channel.close()


def redeem(provider: Provider) -> Issued:
    """Redeem the code once."""
    return provider.redeem(CODE, Scope.READ)


def revoke(
    provider: Provider, credential: Credential, renewal: Secret | None = None, *, learn: Learn = lambda _: None
) -> Upstream:
    """Revoke once."""
    return provider.revoke(credential, renewal, learn=learn)


def error_of(action: Callable[[], object]) -> ProviderError:
    """Return the error that an action ends in."""
    with pytest.raises(ProviderError) as caught:
        action()
    return caught.value


def failure_of(action: Callable[[], object]) -> Failure:
    """Return the class of the failure that an action ends in."""
    return error_of(action).failure
