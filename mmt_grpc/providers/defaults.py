"""What is known of the three exchanges, as the settings tables that a configuration is laid over."""

from collections.abc import Mapping
from typing import Final

_COINBASE_READ: Final = [
    "wallet:user:read",
    "wallet:accounts:read",
    "wallet:transactions:read",
    "wallet:addresses:read",
    "offline_access",
]
_UPHOLD_READ: Final = ["accounts:read", "cards:read", "transactions:read", "user:read"]

DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    # docs.cdp.coinbase.com: OAuth2 reference, access and refresh tokens, scopes. Without `offline_access` there is no
    # refresh token.
    "coinbase": {
        "authorize_url": "https://login.coinbase.com/oauth2/auth",
        "token_url": "https://login.coinbase.com/oauth2/token",
        "revoke_url": "https://login.coinbase.com/oauth2/revoke",
        "account_url": "https://api.coinbase.com/v2/user",
        "account_field": "data.id",
        "scopes_url": "https://api.coinbase.com/v2/user/auth",
        "scopes_field": "data.scopes",
        "client_auth": "body",
        "read_scopes": _COINBASE_READ,
        "write_scopes": [*_COINBASE_READ, "wallet:transactions:send", "wallet:transactions:transfer"],
        "rotation": "strict",
    },
    # uphold/docs, uphold-sdk-javascript. The authorize URL ends in the client id.
    "uphold": {
        "authorize_url": "https://wallet.uphold.com/authorize/",
        "token_url": "https://api.uphold.com/oauth2/token",
        "revoke_url": "https://api.uphold.com/oauth2/revoke",
        "account_url": "https://api.uphold.com/v0/me",
        "account_field": "id",
        "client_auth": "basic",
        "read_scopes": _UPHOLD_READ,
        "write_scopes": [*_UPHOLD_READ, "cards:write", "transactions:transfer:others", "transactions:withdraw"],
        "rotation": "strict",
        "rate_limit": "50/300s",
    },
    # binance-spot-api-docs. The login is a private protocol: its URL has no default.
    "binance": {
        "restrictions_url": "https://api.binance.com/sapi/v1/account/apiRestrictions",
        "account_url": "https://api.binance.com/api/v3/account",
    },
}
"""By integration; values as TOML has them."""
