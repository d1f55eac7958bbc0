"""`mmt`: the group of all commands, and how their failures are told."""

import sys
from pathlib import Path

import click

from mmt_grpc.cli import administration, demo, health, processes, token
from mmt_grpc.cli.failures import told


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="MMT_CONFIG", help="The TOML file of the settings.")
@click.pass_context
def mmt(context: click.Context, config: Path | None) -> None:
    """Managed Tokens: keeps exchange credentials behind lasting token ids."""
    context.obj = config


for command in (*processes.COMMANDS, *administration.COMMANDS, *token.COMMANDS, *health.COMMANDS, *demo.COMMANDS):
    mmt.add_command(command)


def main() -> None:
    """Run a command; what cannot be done is told in one line or a list of them, never as a traceback."""
    with told():
        mmt.main(standalone_mode=True)
    sys.exit(1)
