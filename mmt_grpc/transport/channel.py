"""The caller's end of the public port: where the server is, and what protects the way there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from mmt_grpc.transport.credentials import is_loopback

_ARGUMENTS: Final[Sequence[tuple[str, int]]] = (
    # A proxy that the environment names would see the caller's API key on a plaintext way.
    ("grpc.enable_http_proxy", 0),
)


class TargetError(Exception):
    """The server cannot be spoken to as it was asked for; the text says why and holds nothing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server: `address` is `host:port`.

    TLS is used everywhere but on loopback, and there too with `tls` or one of the others: `tls_ca` a file of the
    authorities to trust (else the system's), `tls_name` the name to expect in the certificate (else the host).
    """

    address: str
    tls: bool = False
    tls_ca: Path | None = None
    tls_name: str | None = None

    @property
    def is_protected(self) -> bool:
        """Whether TLS is used."""
        asked = self.tls or self.tls_ca is not None or self.tls_name is not None
        return asked or not is_loopback(self.address)

    def open(self) -> grpc.Channel:
        """Return a channel, which connects at its first call; `TargetError` if the authorities cannot be read."""
        if not self.is_protected:
            return grpc.insecure_channel(self.address, options=_ARGUMENTS)
        try:
            roots = None if self.tls_ca is None else self.tls_ca.read_bytes()
        except OSError as error:
            raise TargetError(f"the file of authorities cannot be read: {type(error).__name__}") from None
        expected = [] if self.tls_name is None else [("grpc.ssl_target_name_override", self.tls_name)]
        return grpc.secure_channel(
            self.address, grpc.ssl_channel_credentials(root_certificates=roots), options=[*_ARGUMENTS, *expected]
        )
