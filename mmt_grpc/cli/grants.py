"""The options of `mmt token connect` that say what proves the connection, and the one grant that they make."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from mmt_grpc.cli.parameters import SECRET, SECRET_OR_NONE, TEXT, TIME, with_options
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.secret import Secret

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "code": ("redirect_uri", "code_verifier"),
    "access_token": ("refresh_token", "expire_time", "granted_scopes"),
    "username": ("password", "otp"),
    "key": ("secret",),
    "session": ("expire_time",),
}
"""The option that each kind of grant starts with, and the others that belong to it."""
_OPTIONS: Final = (
    click.option("--code", type=SECRET, help="OAuth: the authorization code of the redirect."),
    click.option("--redirect-uri", type=TEXT, help="With --code: the redirect URI, to the letter."),
    click.option(
        "--code-verifier", type=SECRET_OR_NONE, help="With --code: the PKCE verifier; empty where none was used."
    ),
    click.option("--access-token", type=SECRET, help="OAuth: an access token that is there already."),
    click.option("--refresh-token", type=SECRET, help="With --access-token: its refresh token."),
    click.option("--granted-scopes", type=TEXT, help="With --access-token: what was granted, separated by spaces."),
    click.option("--expire-time", type=TIME, help="With --access-token or --session: when it ends, RFC 3339."),
    click.option("--username", type=SECRET, help="Login: the user's name."),
    click.option("--password", type=SECRET, help="With --username: the password."),
    click.option("--otp", type=SECRET, help="With --username: the one-time password, if one is wanted."),
    click.option("--key", type=SECRET, help="An API key of the exchange."),
    click.option("--secret", type=SECRET, help="With --key: the secret that signs."),
    click.option("--session", type=SECRET, help="A login session that is there already."),
)


def grant_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all of them; the command gets the one `grant` that they make."""
    names = {name for kind, others in FIELDS.items() for name in (kind, *others)}

    @functools.wraps(command)
    def wrapped(**given: object) -> None:
        grant = grant_of({name: given.pop(name) for name in names})
        command(grant=grant, **given)

    return with_options(wrapped, _OPTIONS)


def grant_of(given: Mapping[str, Any]) -> Grant:
    """Return the grant that the options make; `click.UsageError` for none, for two, and for what does not belong."""
    # An empty secret stands for none: whoever made it says so of a PKCE verifier.
    present = {name for name, value in given.items() if value is not None and value != Secret("")}
    kinds = sorted(present & FIELDS.keys())
    if len(kinds) != 1:
        names = ", ".join(map(_option, FIELDS))
        raise click.UsageError(f"Give one kind of grant, by one of {names}.")
    kind = kinds[0]
    strangers = sorted(present - {kind, *FIELDS[kind]})
    if strangers:
        raise click.UsageError(f"{_option(strangers[0])} does not go with {_option(kind)}.")
    return _grant(kind, given)


def _grant(kind: str, given: Mapping[str, Any]) -> Grant:
    match kind:
        case "code":
            return AuthorizationCode(
                code=given["code"],
                redirect_uri=given["redirect_uri"] or "",
                code_verifier=given["code_verifier"] or Secret(""),
            )
        case "access_token":
            return OAuthTokens(
                access_token=given["access_token"],
                refresh_token=given["refresh_token"],
                expires_at=given["expire_time"],
                granted_scopes=tuple((given["granted_scopes"] or "").split()),
            )
        case "username":
            return UserCredentials(
                username=given["username"], password=_with("password", kind, given), otp=given["otp"]
            )
        case "key":
            return ApiKeyGrant(key=given["key"], secret=_with("secret", kind, given))
        case _:
            return SessionGrant(token=given["session"], expires_at=given["expire_time"])


def _with(name: str, kind: str, given: Mapping[str, Any]) -> Secret:
    value: Secret | None = given[name]
    if value is None:
        raise click.UsageError(f"{_option(kind)} needs {_option(name)}.")
    return value


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
