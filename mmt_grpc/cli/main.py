"""`mmt`: the group of all commands, and how their failures are told."""

import sys
from pathlib import Path
from typing import Final

import click

from mmt_grpc.cli import (
    administration,
    demo,
    health,
    processes,
    replicas,
    token,
    token_administration,
    token_reinstatement,
)
from mmt_grpc.cli.failures import told


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="MMT_CONFIG", help="The TOML file of the settings.")
@click.pass_context
def mmt(context: click.Context, config: Path | None) -> None:
    """Managed Tokens: keeps exchange credentials behind lasting token ids."""
    context.obj = config


GROUPS: Final = (processes, administration, replicas, token, health, demo)
for command in (command for group in GROUPS for command in group.COMMANDS):
    mmt.add_command(command)
for command in (*token_administration.TOKEN_COMMANDS, *token_reinstatement.TOKEN_COMMANDS):
    token.token.add_command(command)


def main() -> None:
    """Run a command; what cannot be done is told in one line or a list of them, never as a traceback."""
    with told():
        mmt.main(standalone_mode=True)
    sys.exit(1)
