"""How commands tell that something cannot be done: plain sentences on standard error and an exit status."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

import click

from mmt_grpc.app.administration import RefusedError
from mmt_grpc.app.listening import AddressTakenError
from mmt_grpc.app.state_directory import LockedError
from mmt_grpc.app.supervisor import StartFailedError
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.settings.problems import SettingsError
from mmt_grpc.store.refusals import StartRefusedError

FAILED: Final = 1
WRONG_SETTINGS: Final = 78


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell the failures of a command and end the process with its status."""
    try:
        yield
    except SettingsError as error:
        click.secho("The settings cannot be used:", fg="red", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        sys.exit(WRONG_SETTINGS)
    except (
        RefusedError,
        KeyringError,
        StartRefusedError,
        AddressTakenError,
        LockedError,
        StartFailedError,
    ) as error:
        click.secho(f"mmt: {error}", fg="red", err=True)
        sys.exit(FAILED)
    except OSError as error:
        # The system's own sentence and the path: neither says what a file holds.
        click.secho(f"mmt: {error.filename or 'the system'}: {error.strerror or 'failed'}", fg="red", err=True)
        sys.exit(FAILED)
    except MmtError as error:
        click.secho(f"mmt: {error.reason.value}", fg="red", err=True)
        sys.exit(FAILED)
