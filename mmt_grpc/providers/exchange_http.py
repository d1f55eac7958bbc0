"""The one way to an exchange: a fresh connection for every request, to a checked address, within one total time."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.providers.connection import Connection
from mmt_grpc.providers.deadline import Deadline, Elapsed
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import Answer, Request
from mmt_grpc.providers.resolver import Resolver, Target, UnreachableError


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds, and whether private addresses (and plain http to them) are allowed."""

    connect_timeout: float
    total_timeout: float
    allow_private: bool


def default_tls() -> ssl.SSLContext:
    """Return the context that verifies exchanges against the system's authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # create_default_context() obeys SSLKEYLOGFILE; the session keys of an exchange are nobody's.
    context.keylog_filename = None  # type: ignore[assignment]  # None is what switches it off
    return context


class ExchangeHttp:
    """HTTP/1.1 to the hosts that one integration's settings name, and to nobody else.

    No proxy, no redirect, no cookie, no connection kept: a request that fails says exactly how far it came.
    """

    def __init__(
        self,
        *,
        integration: str,
        endpoints: Iterable[Endpoint],
        limits: Limits,
        resolver: Resolver,
        tls: Callable[[], ssl.SSLContext],
        elapsed: Elapsed,
    ) -> None:
        """`endpoints` are the allow-list; `tls` is called for the first https connection."""
        self._integration = integration
        self._origins = frozenset(endpoint.origin for endpoint in endpoints)
        self._limits = limits
        self._resolver = resolver
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._elapsed = elapsed

    def deadline(self) -> Deadline:
        """Return the end of an exchange that starts now, its retries included."""
        return Deadline(seconds=self._limits.total_timeout, elapsed=self._elapsed)

    def send(self, request: Request, deadline: Deadline) -> Answer:
        """Send one request on a fresh connection; raises `ProviderError` (see `Connection.send`)."""
        connection = self.open(request.endpoint, deadline)
        try:
            return connection.send(request, deadline)
        finally:
            connection.close()

    def open(self, endpoint: Endpoint, deadline: Deadline) -> Connection:
        """Connect, TLS included, within the connect timeout; raises NOT_SENT."""
        try:
            sock = self._connect(endpoint, deadline.within(self._limits.connect_timeout))
        except (OSError, UnreachableError):
            raise ProviderError(Failure.NOT_SENT, integration=self._integration) from None
        return Connection(sock=sock, integration=self._integration)

    def _connect(self, endpoint: Endpoint, deadline: Deadline) -> socket.socket:
        private = self._limits.allow_private
        if endpoint.origin not in self._origins or not (endpoint.tls or private):
            raise UnreachableError
        # Plain http never leaves for a public address, whatever is allowed.
        targets = self._resolver.resolve(
            endpoint.host, endpoint.port, timeout=deadline.require(), private=private, public=endpoint.tls
        )
        for number, target in enumerate(targets):
            # Each address gets its share of the time: the first one may be a black hole.
            share = deadline.within(deadline.require() / (len(targets) - number))
            with contextlib.suppress(OSError):
                return self._dial(endpoint, target, share)
        raise UnreachableError

    def _dial(self, endpoint: Endpoint, target: Target, deadline: Deadline) -> socket.socket:
        sock = socket.socket(target.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.require())
            sock.connect((target.host, target.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not endpoint.tls:
                return sock
            sock.settimeout(deadline.require())
            return self._context().wrap_socket(sock, server_hostname=endpoint.host)
        except BaseException:
            sock.close()
            raise

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # Two threads may both make one; either will do.
            self._tls = self._make_tls()
        return self._tls
