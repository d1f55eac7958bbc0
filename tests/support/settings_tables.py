"""The settings tables of integrations as options, for tests that stand below the settings layer."""

from collections.abc import Mapping
from typing import Any

from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.defaults import DEFAULTS
from mmt_grpc.providers.options import ClientAuth, LoginOptions, OAuthOptions, ProviderOptions, RateLimit, Rotation

_READERS: Mapping[str, Any] = {
    "client_secret": Secret,
    "client_auth": ClientAuth,
    "rotation": Rotation,
    "rate_limit": RateLimit.parse,
    "read_scopes": lambda value: tuple(value.split() if isinstance(value, str) else value),
    "write_scopes": lambda value: tuple(value.split() if isinstance(value, str) else value),
}


def options_of(name: str, table: Mapping[str, object]) -> ProviderOptions:
    """Lay a table over the integration's defaults; private addresses are allowed unless it says otherwise."""
    merged = {"allow_private": True, **DEFAULTS.get(name, {}), **table}
    fields: dict[str, Any] = {field: _READERS.get(field, lambda value: value)(value) for field, value in merged.items()}
    return OAuthOptions(**fields) if "token_url" in fields else LoginOptions(**fields)
