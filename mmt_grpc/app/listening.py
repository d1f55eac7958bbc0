"""The address that all workers share: held by the supervisor, so that port 0 is one port and nobody else takes it."""

import socket
from dataclasses import dataclass


class AddressTakenError(Exception):
    """Nobody can listen on the address, or somebody else does; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address with its port known, bound but not listening, for as long as the supervisor lives."""

    host: str
    port: int
    holder: socket.socket

    @property
    def text(self) -> str:
        """The address as `host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[host]:port`; `ValueError` for anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) < 1 << 16:
        raise ValueError("an address is host:port")
    return host.strip("[]"), int(port)


def hold(address: str) -> HeldAddress:
    """Bind an address with SO_REUSEPORT after making sure, without it, that nobody listens there."""
    host, port = split(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            port = probe.getsockname()[1]
        holder = socket.socket(family, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
    except OSError as error:
        raise AddressTakenError(f"cannot listen on {address}: {error.strerror or 'it is no address'}") from None
    return HeldAddress(host, port, holder)
