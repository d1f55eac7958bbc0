"""The application that is registered at each fake exchange, and the settings that point at it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OAUTH_NAMES = ("coinbase", "uphold")
LOGIN_NAME = "binance"
RESERVED_NAMES = frozenset({"control"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Registration:
    """One OAuth application: what the exchange knows about the service."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)
    callback: str
    """The redirect URI fixed at registration; it shows the code to whoever sits at the browser."""


def is_name(text: str) -> bool:
    """Whether a text can name an integration of the sandbox."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED_NAMES


def registration(name: str, *, base_url: str, clients: Mapping[str, tuple[str, str]]) -> Registration:
    """The application of an integration; `clients` overrides client id and secret by name."""
    client_id, client_secret = clients.get(name, (f"sandbox-{name}", f"sandbox-{name}-secret"))
    return Registration(name, client_id, client_secret, f"{base_url}/{name}/callback")


def provider_settings(base_url: str, *others: str) -> dict[str, dict[str, str]]:
    """The `[providers.NAME]` tables for coinbase, uphold and binance, and for each further name given.

    All values are strings, lists separated by spaces. The first three hold what differs from the real exchange
    (URLs and client); a further one holds all that an added OAuth integration needs.
    """
    return {
        "coinbase": _coinbase(base_url),
        "uphold": _uphold(base_url),
        "binance": _binance(base_url),
        **{name: _further(base_url, name) for name in others},
    }


def _client(base_url: str, name: str) -> dict[str, str]:
    app = registration(name, base_url=base_url, clients={})
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def _coinbase(base_url: str) -> dict[str, str]:
    root = f"{base_url}/coinbase"
    return {
        "authorize_url": f"{root}/oauth2/auth",
        "token_url": f"{root}/oauth2/token",
        "revoke_url": f"{root}/oauth2/revoke",
        "account_url": f"{root}/v2/user",
        "scopes_url": f"{root}/v2/user/auth",
        **_client(base_url, "coinbase"),
    }


def _uphold(base_url: str) -> dict[str, str]:
    root = f"{base_url}/uphold"
    client = _client(base_url, "uphold")
    return {
        "authorize_url": f"{root}/authorize/{client['client_id']}",
        "token_url": f"{root}/oauth2/token",
        "revoke_url": f"{root}/oauth2/revoke",
        "account_url": f"{root}/v0/me",
        **client,
    }


def _binance(base_url: str) -> dict[str, str]:
    root = f"{base_url}/binance"
    return {
        "login_url": f"{root}/login",
        "restrictions_url": f"{root}/sapi/v1/account/apiRestrictions",
        "account_url": f"{root}/api/v3/account",
        "session_url": f"{root}/session",
    }


def _further(base_url: str, name: str) -> dict[str, str]:
    root = f"{base_url}/{name}"
    return {
        "authorize_url": f"{root}/oauth2/auth",
        "token_url": f"{root}/oauth2/token",
        "revoke_url": f"{root}/oauth2/revoke",
        "account_url": f"{root}/account",
        "account_field": "data.id",
        "client_auth": "body",
        "read_scopes": "read",
        "write_scopes": "read write",
        "rotation": "strict",
        **_client(base_url, name),
    }
