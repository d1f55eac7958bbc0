"""How the public server is to run."""

from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.transport.arrival import Deadlines
from mmt_grpc.transport.credentials import CertificateFiles, ListenError, is_loopback

MAX_MESSAGE: Final = 64 * 1024
MAX_METADATA: Final = 8 * 1024
SHORTEST_PING_INTERVAL_MS: Final = 10_000
"""Clients that ping more often than this without data are sent away (`too_many_pings`)."""
KEEPALIVE_MS: Final = 60_000
KEEPALIVE_TIMEOUT_MS: Final = 20_000
BACKSTOP: Final = 8192
"""Calls that may be queued or running before gRPC's core refuses more: only memory needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """`listen` is `host:port`, port 0 for any; without a certificate only loopback is served, and only where allowed.

    `further` addresses are served alike.

    `max_calls` are served at once, `revoke_slots` more are Revoke's alone; `spare_threads` refuse the rest and answer
    health checks. Ages of connections in seconds, None for no limit.
    """

    listen: str
    further: tuple[str, ...] = ()
    certificate: CertificateFiles | None = None
    allow_plaintext: bool = False
    so_reuseport: bool = False
    reflection: bool = False
    max_calls: int = 128
    revoke_slots: int = 16
    spare_threads: int = 32
    deadlines: Deadlines = field(default_factory=Deadlines)
    max_connection_age: float | None = None
    max_connection_age_grace: float = 60.0

    @property
    def threads(self) -> int:
        """The size of the thread pool."""
        return self.max_calls + self.revoke_slots + self.spare_threads

    def check_protection(self) -> None:
        """Raise `ListenError` for plaintext that is not allowed, or that would leave the machine."""
        if self.certificate is not None:
            return
        if not self.allow_plaintext:
            raise ListenError("plaintext gRPC is not allowed: set a certificate and its key")
        if not all(is_loopback(address) for address in (self.listen, *self.further)):
            raise ListenError("plaintext gRPC is served on loopback only: set a certificate and its key")

    def channel_arguments(self) -> list[tuple[str, int]]:
        """Return what gRPC's core is told."""
        arguments = [
            ("grpc.so_reuseport", int(self.so_reuseport)),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_metadata_size", MAX_METADATA),
            ("grpc.absolute_max_metadata_size", MAX_METADATA),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", SHORTEST_PING_INTERVAL_MS),
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ]
        if self.max_connection_age is not None:
            arguments += [
                ("grpc.max_connection_age_ms", round(self.max_connection_age * 1000)),
                ("grpc.max_connection_age_grace_ms", round(self.max_connection_age_grace * 1000)),
            ]
        return arguments
