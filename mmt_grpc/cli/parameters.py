"""Kinds of arguments: secrets that need not stand in the command line, texts, times, scopes."""

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.secret import Secret

MAX_SECRET: Final = 64 * 1024
SCOPES: Final = {scope.name.lower(): scope for scope in Scope}
HOW_TO_GIVE_SECRETS: Final = (
    "Every SECRET may be given as `env:NAME` (an environment variable), `file:PATH`, or `-` (a line of standard input, "
    "without echo on a terminal; several are read in the order of their options), so that it stands in no process list "
    "and no shell history; `text:…` is the text itself where it would look like one of these."
)


class SecretType(click.ParamType[Secret]):
    """A secret, given as it is or by where it is; no error repeats a value."""

    name = "secret"

    def __init__(self, *, may_be_empty: bool = False) -> None:
        """`may_be_empty`: an empty text is an empty secret, and stands for none."""
        self._may_be_empty = may_be_empty

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Secret:
        if isinstance(value, Secret):
            return value
        kind, colon, rest = str(value).partition(":")
        if value == "-":
            text = _from_stdin(param)
        elif colon and kind == "env":
            text = os.environ.get(rest, "")
            if not text and not (self._may_be_empty and rest in os.environ):
                self.fail("the environment variable is not set", param, ctx)
        elif colon and kind == "file":
            text = self._from_file(Path(rest), param, ctx)
        else:
            text = rest if colon and kind == "text" else str(value)
        if not (text or self._may_be_empty) or not _is_unicode(text):
            self.fail("must be a text that is not empty", param, ctx)
        return Secret(text)

    def _from_file(self, path: Path, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            with path.open(encoding="utf-8") as file:
                return file.read(MAX_SECRET).rstrip("\r\n")
        except (OSError, ValueError):
            self.fail("the file cannot be read", param, ctx)


class TextType(click.ParamType[str]):
    """A text that is valid Unicode, whatever bytes the command line holds."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        return text if _is_unicode(text) else self.fail("must be valid UTF-8", param, ctx)


class TimeType(click.ParamType[int]):
    """A moment as RFC 3339 writes it; Unix microseconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail("must be a time with its offset, like 2030-01-31T12:00:00Z", param, ctx)
        return round(moment.timestamp() * MICROSECONDS)


class ScopeType(click.ParamType[Scope]):
    """`read` or `write`."""

    name = "read|write"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        if isinstance(value, Scope):
            return value
        return SCOPES.get(str(value)) or self.fail("must be read or write", param, ctx)


SECRET: Final = SecretType()
SECRET_OR_NONE: Final = SecretType(may_be_empty=True)
TEXT: Final = TextType()
TIME: Final = TimeType()
SCOPE: Final = ScopeType()


def with_options(
    command: Callable[..., None], options: Sequence[Callable[[Callable[..., None]], Callable[..., None]]]
) -> Callable[..., None]:
    """Add options to a command so that its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def _from_stdin(param: click.Parameter | None) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{param.name if param and param.name else 'secret'}: ")
    return sys.stdin.readline(MAX_SECRET).rstrip("\r\n")


def _is_unicode(text: str) -> bool:
    """Whether a text can be sent: what was not UTF-8 on the command line holds surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
