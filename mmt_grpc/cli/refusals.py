"""How a call that the service refused is told: what it says, on standard error, and exit status 1."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from mmt_grpc.transport.client import CallFailedError

REFUSED: Final = 1


@contextlib.contextmanager
def refusals(*, as_json: bool) -> Iterator[None]:
    """Tell a refused or failed call, as JSON for programs, and end the process with status 1."""
    from mmt_grpc.transport.client import CallFailedError, TargetError

    try:
        yield
    except TargetError as error:
        raise click.UsageError(str(error)) from None
    except CallFailedError as error:
        _tell(error, as_json=as_json)
        sys.exit(REFUSED)


def _tell(error: "CallFailedError", *, as_json: bool) -> None:
    if as_json:
        told = {
            "reason": None if error.reason is None else error.reason.value,
            "code": error.code.name,
            "message": error.sentence,
            "metadata": dict(error.metadata),
            "violations": [{"field": wrong.field, "description": wrong.description} for wrong in error.violations],
            "retry_after": error.retry_after,
        }
        click.echo(json.dumps(told), err=True)
        return
    click.secho(f"mmt: {error}", fg="red", err=True)
    for name, value in error.metadata.items():
        click.echo(f"  {name}: {value}", err=True)
    for wrong in error.violations:
        click.echo(f"  {wrong.field}: {wrong.description}", err=True)
    if error.retry_after is not None:
        click.echo(f"  try again in {error.retry_after:g} s", err=True)
