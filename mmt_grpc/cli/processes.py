"""Commands that run processes: `serve`, `dev`, `sandbox`."""

import os
import sys
from functools import partial
from pathlib import Path

import click

FILE = click.Path(path_type=Path)


def waits(path: Path) -> None:
    """Say why nothing happens yet: a replica that ends, or one that does not, holds the directory."""
    click.echo(f"mmt: another replica runs on {path}; waiting for its end", err=True)


@click.command()
@click.option("--listen", help="Address to serve on, `host:port`; over the settings.")
@click.option("--state-dir", type=FILE, help="This replica's own directory; over the settings.")
@click.option("--ready-file", type=FILE, help="File to write once it serves, and to remove at its end.")
@click.pass_obj
def serve(config: Path | None, listen: str | None, state_dir: Path | None, ready_file: Path | None) -> None:
    """Serve: supervisor, workers and exchanger, until SIGTERM."""
    # Commands import what they need: each start pays for itself alone.
    from mmt_grpc.app.failpoints import check_failpoints
    from mmt_grpc.app.serving import serve as run
    from mmt_grpc.app.state_directory import StateDirectory
    from mmt_grpc.settings.load import load

    overrides: dict[str, object] = {}
    if listen is not None:
        overrides["listen"] = [listen]
    if state_dir is not None:
        overrides["state_dir"] = str(state_dir)
    # The environment is wiped once it is read; what it said of the settings is kept for the next reading.
    read = partial(load, config, dict(os.environ), overrides=overrides)
    settings = read()
    check_failpoints(os.environ, is_dev=settings.is_dev)
    state = StateDirectory.enter(settings.state_dir, on_wait=waits)
    ready = {"config": None if config is None else str(config.absolute())}
    sys.exit(0 if run(settings, state, ready_file=ready_file, ready=ready, reread=read) else 1)


@click.command()
@click.option(
    "--listen",
    help="Address to serve on, `host:port`, port 0 for any free one; else MMT_LISTEN, else 127.0.0.1:50051.",
)
@click.option("--state-dir", type=FILE, default=Path("mmt-dev"), show_default=True, help="Where everything is kept.")
@click.option("--ready-file", type=FILE, help="File to write once it serves, and to remove at its end.")
def dev(listen: str | None, state_dir: Path, ready_file: Path | None) -> None:
    """Serve an installation of its own with the sandbox exchange, for development and tests."""
    from mmt_grpc.app.dev import run_dev
    from mmt_grpc.app.failpoints import check_failpoints

    check_failpoints(os.environ, is_dev=True)
    drained = run_dev(listen=listen, state_dir=state_dir, ready_file=ready_file, environ=os.environ, on_wait=waits)
    sys.exit(0 if drained else 1)


@click.command()
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="Loopback address, port 0 for any free one.")
@click.option("--state-file", type=FILE, help="Where to keep accounts and tokens over restarts; none: in memory.")
@click.option(
    "--mode",
    default="dev",
    show_default=True,
    help="The mode of the installation that it is for; only `dev` is served.",
)
def sandbox(listen: str, state_file: Path | None, mode: str) -> None:
    """Run the sandbox exchange alone, and print its base URL."""
    from mmt_grpc.app.administration import RefusedError
    from mmt_grpc.app.listening import split
    from mmt_grpc.app.sandbox import serve_sandbox
    from mmt_grpc.sandbox import SandboxRefusedError

    host, port = split(listen)
    try:
        serve_sandbox(host=host, port=port, mode=mode, state_file=state_file, ready=click.echo)
    except SandboxRefusedError as error:
        raise RefusedError(str(error)) from None


COMMANDS = (serve, dev, sandbox)
