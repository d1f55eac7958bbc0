"""Runs `mmt` in this process, with its failures told as the real program tells them."""

import json
from typing import Any

import click
from click.testing import CliRunner, Result

from mmt_grpc.cli.failures import told
from mmt_grpc.cli.main import mmt
from tests.support.dev import RunningDev

UNSET: dict[str, str | None] = dict.fromkeys(("MMT_ADDRESS", "MMT_API_KEY", "MMT_CONFIG"))
"""Whoever runs the tests may use an installation of their own."""


class Program(click.Command):
    """`mmt` as a whole, the telling of failures included."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        with told():
            return mmt.main(*arguments, **options)


def run(*arguments: str, stdin: str | None = None, **env: str) -> Result:
    """Run a command to its end; its exit status, `stdout` and `stderr` are in the result."""
    return CliRunner().invoke(Program("mmt"), arguments, input=stdin, env=UNSET | env)


def run_on(dev: RunningDev, *arguments: str, key: str = "write", stdin: str | None = None, **env: str) -> Result:
    """Run a command as a caller and administrator of an installation."""
    ours = {"MMT_ADDRESS": dev.address, "MMT_API_KEY": dev.api_keys[key], "MMT_CONFIG": str(dev.config)}
    return run(*arguments, stdin=stdin, **(ours | env))


def answer(result: Result) -> Any:
    """Return what a command that succeeded printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result) -> Any:
    """Return what a command that was refused printed as JSON, on standard error."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    return json.loads(result.stderr)
