"""`mmt health`: for the probes of containers and balancers."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from mmt_grpc.cli.output import as_json, show_one
from mmt_grpc.cli.refusals import refusals
from mmt_grpc.cli.server_options import ServerOptions, server_options

NOT_SERVING: Final = 1


@click.command()
@click.option(
    "--timeout", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="Seconds for each of two checks."
)
@server_options
@as_json
@click.pass_obj
def health(config: Path | None, *, server: ServerOptions, timeout: float, as_json: bool) -> None:
    """Ask a server whether it serves: the whole of it and its TokenService. Exits 0 if both do, 1 otherwise.

    Without --address it is the server that the settings describe, on this machine and with its own certificate;
    without settings 127.0.0.1:50051.
    """
    from mmt_grpc.app.probing import check, own_server

    with refusals(as_json=as_json):
        target = server.target() if server.address is not None else own_server(config, os.environ, server.target())
        found = check(target, timeout=timeout)
    told: dict[str, object] = {"address": target.address}
    told |= {service or "server": state.value for service, state in found.items()}
    show_one(told, as_json=as_json)
    sys.exit(0 if all(state.value == "serving" for state in found.values()) else NOT_SERVING)


COMMANDS: Final = (health,)
