"""Which options make which grant, and that a wrong set of them calls nobody."""

from typing import Any

import click
import pytest

from mmt_grpc.cli.grants import FIELDS, grant_of
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    Grant,
    OAuthTokens,
    SessionGrant,
    UserCredentials,
)
from mmt_grpc.domain.secret import Secret
from tests.cli.running import run

NOBODY = ("--address", "127.0.0.1:1", "--api-key", "mmt_key")
CONNECT = ("token", "connect", "--end-user-id", "ada", "--integration", "coinbase", *NOBODY)
NOTHING: dict[str, Any] = {name: None for kind, others in FIELDS.items() for name in (kind, *others)}
A, B, C = Secret("a"), Secret("b"), Secret("c")


@pytest.mark.parametrize(
    ("given", "grant"),
    [
        ({"code": A}, AuthorizationCode(A, "", Secret(""))),
        ({"code": A, "redirect_uri": "u", "code_verifier": B}, AuthorizationCode(A, "u", B)),
        ({"access_token": A}, OAuthTokens(A, None, None, ())),
        (
            {"access_token": A, "refresh_token": B, "expire_time": 5, "granted_scopes": "x  y"},
            OAuthTokens(A, B, 5, ("x", "y")),
        ),
        ({"username": A, "password": B}, UserCredentials(A, B, None)),
        ({"username": A, "password": B, "otp": C}, UserCredentials(A, B, C)),
        ({"key": A, "secret": B}, ApiKeyGrant(A, B)),
        ({"session": A}, SessionGrant(A, None)),
        ({"session": A, "expire_time": 5}, SessionGrant(A, 5)),
    ],
)
def test_the_options_of_one_kind_make_its_grant(given: dict[str, Any], grant: Grant) -> None:
    assert grant_of(NOTHING | given) == grant


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "Give one kind of grant, by one of --code, --access-token, --username, --key, --session."),
        ({"code": A, "session": B}, "Give one kind of grant"),
        ({"redirect_uri": "u"}, "Give one kind of grant"),
        ({"code": A, "password": B}, "--password does not go with --code."),
        ({"key": A, "secret": B, "expire_time": 5}, "--expire-time does not go with --key."),
        ({"username": A}, "--username needs --password."),
        ({"key": A}, "--key needs --secret."),
    ],
)
def test_other_sets_of_options_are_wrong_usage(given: dict[str, Any], why: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        grant_of(NOTHING | given)
    assert caught.value.message.startswith(why)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Give one kind of grant"),
        (("--code", "c", "--otp", "o"), "--otp does not go with --code"),
        (("--session", "s", "--expire-time", "tomorrow"), "must be a time with its offset"),
        (("--session", "s", "--expire-time", "2030-01-31T12:00:00"), "must be a time with its offset"),
        (("--session", "s", "--scope", "admin"), "must be read or write"),
        (("--session", ""), "must be a text that is not empty"),
        (("--session", "env:NO_SUCH_VARIABLE"), "the environment variable is not set"),
        (("--session", "file:/no/such/file"), "the file cannot be read"),
        (("--session", "\udcff"), "must be a text that is not empty"),
        (("--session", "s", "--end-user-id", "\udcff"), "must be valid UTF-8"),
    ],
)
def test_wrong_usage_exits_2_and_says_why(arguments: tuple[str, ...], why: str) -> None:
    result = run(*CONNECT, *arguments)
    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "resolve", "--required-scope", "read", *NOBODY),
        ("token", "resolve", "--token-id", "t", "--required-scope", "read", "--min-validity", "-1", *NOBODY),
        ("token", "resolve", "--token-id", "t", "--required-scope", "read", "--min-validity", "86401", *NOBODY),
        ("token", "resolve", "--token-id", "t", "--required-scope", "read", "--rejected-generation", "-1", *NOBODY),
        ("token", "check-scope", "--required-scope", "read", *NOBODY),
        ("token", "revoke", *NOBODY),
        ("token", "revoke", "--token-id", "t", "--address", "127.0.0.1:1"),
        ("token", "revoke", "--token-id", "t", "--address", "127.0.0.1:1", "--api-key", "two words"),
        ("token", "revoke", "--token-id", "t", "--tls-ca", "/no/such/file", *NOBODY),
        ("replicas", "forget", "no-hex"),
        ("spool", "status"),
        ("health", "--timeout", "0"),
        ("token", "no-such-verb"),
    ],
)
def test_what_cannot_be_asked_exits_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_no_complaint_repeats_a_secret() -> None:
    result = run(*CONNECT, "--session", "the-session-itself", "--otp", "the-otp-itself")
    assert result.exit_code == 2
    assert "itself" not in result.output


@pytest.mark.parametrize("verb", ["connect", "resolve", "revoke", "check-scope"])
def test_the_help_says_how_to_keep_secrets_out_of_the_command_line(verb: str) -> None:
    told = " ".join(run("token", verb, "--help").stdout.split())
    for way in ("`env:NAME`", "`file:PATH`", "`-` (a line of standard input", "`text:…`"):
        assert way in told


def test_the_help_documents_the_exit_statuses() -> None:
    told = " ".join(run("token", "--help").stdout.split())
    assert "Exit status: 0 done (check-scope: allowed), 1 refused or failed, 2 wrong usage." in told
