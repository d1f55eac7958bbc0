"""`mmt token`: the four verbs of the service, from the command line."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from mmt_grpc.cli.grants import grant_options
from mmt_grpc.cli.output import as_json, show_one, timestamp
from mmt_grpc.cli.parameters import HOW_TO_GIVE_SECRETS, SCOPE, SECRET, TEXT, with_options
from mmt_grpc.cli.refusals import REFUSED, refusals
from mmt_grpc.cli.server_options import ServerOptions, server_options
from mmt_grpc.domain.model import MICROSECONDS, ApiKeyPair, BearerToken, Grant, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import DEFAULT_MIN_VALIDITY, MAX_MIN_VALIDITY, ConnectCommand, Resolved, ResolveQuery

if TYPE_CHECKING:
    from mmt_grpc.transport.client import TokenClient

MASKED: Final = "•••• (--show-credential prints it)"
MAX_GENERATION: Final = (1 << 63) - 1
token_id_option = click.option("--token-id", type=TEXT, required=True, help="What connect returned.")


def required_scope_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option of a scope that is asked for; whoever names none asks for the lower one."""
    return click.option("--required-scope", type=SCOPE, default="read", show_default=True, help=help_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """How to call, as the options say."""

    server: ServerOptions
    api_key: Secret
    client_id: str
    as_json: bool

    @contextmanager
    def client(self) -> Iterator["TokenClient"]:
        """Open a client; failures of its calls are told and end the process."""
        from mmt_grpc.transport.client import TokenClient

        with refusals(as_json=self.as_json):
            target = self.server.target()
            try:
                opened = TokenClient(target=target, api_key=self.api_key, client_id=self.client_id)
            except ValueError as error:
                raise click.UsageError(str(error)) from None
            with opened as tokens:
                yield tokens


_OPTIONS: Final = (
    click.option("--client-id", type=TEXT, default="", help="The client company; may be left out by its own key."),
    click.option(
        "--api-key", type=SECRET, envvar="MMT_API_KEY", show_envvar=True, required=True, help="The caller's API key."
    ),
)


def calls(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every call needs; the command gets it as `calling`."""

    @functools.wraps(command)
    def wrapped(*, server: ServerOptions, api_key: Secret, client_id: str, as_json: bool, **rest: object) -> None:
        calling = Calling(server=server, api_key=api_key, client_id=client_id, as_json=as_json)
        command(calling=calling, **rest)

    return with_options(server_options(as_json(wrapped)), _OPTIONS)


@click.group()
def token() -> None:
    """Connections of end users' exchange accounts.

    Exit status: 0 done (check-scope: allowed), 1 refused or failed, 2 wrong usage. With --json a refusal is JSON too,
    on standard error.
    """


@token.command(epilog=HOW_TO_GIVE_SECRETS)
@click.option("--end-user-id", type=TEXT, required=True, help="The client's own name of its end user.")
@click.option("--integration", type=TEXT, required=True, help="The exchange: coinbase, uphold, binance, ….")
@click.option("--scope", type=SCOPE, help="What the token is for; else the caller's own scope.")
@click.option("--request-id", type=TEXT, help="Makes a retry safe: the same id and content, the same answer.")
@click.option("--allow-account-change", is_flag=True, help="Let a known token id go over to another account.")
@grant_options
@calls
def connect(
    *,
    calling: Calling,
    end_user_id: str,
    integration: str,
    scope: Scope | None,
    request_id: str | None,
    allow_account_change: bool,
    grant: Grant,
) -> None:
    """Connect an end user's account, or connect it again."""
    command = ConnectCommand(end_user_id, integration, scope, request_id, allow_account_change, grant)
    with calling.client() as tokens:
        connected = tokens.connect(command)
    told = {
        "token_id": connected.token_id,
        "outcome": connected.outcome.name.lower(),
        "integration": connected.integration,
        "scope": connected.scope.name.lower(),
        "expire_time": timestamp(connected.expires_at),
        "refreshable": connected.refreshable,
    }
    show_one(told, as_json=calling.as_json)


@token.command(epilog=HOW_TO_GIVE_SECRETS)
@token_id_option
@required_scope_option("What the credential is wanted for.")
@click.option("--end-user-id", type=TEXT, help="Whose it must be.")
@click.option(
    "--min-validity",
    type=click.FloatRange(0, MAX_MIN_VALIDITY / MICROSECONDS),
    default=DEFAULT_MIN_VALIDITY / MICROSECONDS,
    show_default=True,
    help="Seconds that it should still be valid; with less left it is refreshed first.",
)
@click.option(
    "--rejected-generation", type=click.IntRange(0, MAX_GENERATION), help="The exchange refused this generation."
)
@click.option("--show-credential", is_flag=True, help="Print the credential itself; --json, for programs, always does.")
@calls
def resolve(
    *,
    calling: Calling,
    token_id: str,
    required_scope: Scope,
    end_user_id: str | None,
    min_validity: float,
    rejected_generation: int | None,
    show_credential: bool,
) -> None:
    """Get a usable credential; people see it masked unless they ask for it."""
    query = ResolveQuery(
        token_id=token_id,
        end_user_id=end_user_id,
        required=required_scope,
        min_validity=round(min_validity * MICROSECONDS),
        rejected_generation=rejected_generation,
    )
    with calling.client() as tokens:
        resolved = tokens.resolve(query)
    told = {
        **credential(resolved, opened=show_credential or calling.as_json),
        "integration": resolved.integration,
        "scope": resolved.scope.name.lower(),
        "expire_time": timestamp(resolved.expires_at),
        "use_until": timestamp(resolved.use_until),
        "generation": resolved.generation,
    }
    show_one(told, as_json=calling.as_json)


@token.command(epilog=HOW_TO_GIVE_SECRETS)
@token_id_option
@calls
def revoke(*, calling: Calling, token_id: str) -> None:
    """End a token for good, here and at the exchange."""
    with calling.client() as tokens:
        revoked = tokens.revoke(token_id)
    told = {"revoke_time": timestamp(revoked.revoked_at), "upstream": revoked.upstream.name.lower()}
    show_one(told, as_json=calling.as_json)


@token.command("check-scope", epilog=HOW_TO_GIVE_SECRETS)
@token_id_option
@required_scope_option("The scope in question.")
@calls
def check_scope(*, calling: Calling, token_id: str, required_scope: Scope) -> None:
    """Ask whether resolve would hand the token out for a scope; exits 1 if not."""
    with calling.client() as tokens:
        answer = tokens.check_scope(token_id, required_scope)
    show_one({"allowed": answer.allowed, "granted_scope": answer.granted.name.lower()}, as_json=calling.as_json)
    sys.exit(0 if answer.allowed else REFUSED)


def credential(resolved: Resolved, *, opened: bool) -> dict[str, str]:
    """Return the rows of a credential, masked unless it is to be opened."""

    def text(secret: Secret) -> str:
        return secret.reveal() if opened else MASKED

    match resolved.credential:
        case BearerToken(token=bearer):
            return {"access_token": text(bearer)}
        case ApiKeyPair(key=key, secret=secret):
            return {"key": text(key), "secret": text(secret)}


COMMANDS: Final = (token,)
