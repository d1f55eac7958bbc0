"""The options that say where the server is and how it is trusted."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mmt_grpc.cli.parameters import with_options

if TYPE_CHECKING:
    from mmt_grpc.transport.client import Target

DEFAULT_ADDRESS: Final = "127.0.0.1:50051"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where the server is and how it is trusted, as the options say."""

    address: str | None
    tls: bool
    tls_ca: Path | None
    tls_name: str | None

    def target(self) -> "Target":
        """Return the server to speak to."""
        from mmt_grpc.transport.client import Target

        return Target(address=self.address or DEFAULT_ADDRESS, tls=self.tls, tls_ca=self.tls_ca, tls_name=self.tls_name)


_SERVER_OPTIONS: Final = (
    click.option("--address", envvar="MMT_ADDRESS", show_envvar=True, help="The server, `host:port`."),
    click.option("--tls", is_flag=True, help="Use TLS on loopback too; everywhere else it always is."),
    click.option("--tls-ca", type=click.Path(path_type=Path), help="File of the authorities to trust (PEM)."),
    click.option("--tls-name", help="The name to expect in the server's certificate, if not the host's."),
)


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the server is; the command gets them as `server`."""

    @functools.wraps(command)
    def wrapped(*, address: str | None, tls: bool, tls_ca: Path | None, tls_name: str | None, **rest: object) -> None:
        command(server=ServerOptions(address=address, tls=tls, tls_ca=tls_ca, tls_name=tls_name), **rest)

    return with_options(wrapped, _SERVER_OPTIONS)
