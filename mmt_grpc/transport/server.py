"""The public gRPC server: TokenService, health, and reflection where it is wanted."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2

from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock, Randomness
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.domain.verbs import Verbs
from mmt_grpc.transport import own_sockets
from mmt_grpc.transport.arrival import Authenticator
from mmt_grpc.transport.bodies import Bodies
from mmt_grpc.transport.credentials import ListenError, tls
from mmt_grpc.transport.handlers_end import wait_for_handlers
from mmt_grpc.transport.metrics import CallMetrics
from mmt_grpc.transport.options import BACKSTOP, ServerOptions
from mmt_grpc.transport.side_services import SidePools, health_handler, reflection_handler
from mmt_grpc.transport.token_service import SERVICE, Interceptors, method_table

HEALTH_NAMES: Final = ("", SERVICE)
"""What health speaks of: the server, and its one service."""


class TokenServer:
    """Serves from `start` to `drain`; health says NOT_SERVING before, after, and while `set_serving(False)` holds."""

    _ports: Sequence[int] = ()

    def __init__(
        self,
        *,
        verbs: Verbs,
        authenticator: Authenticator,
        audit: Audit,
        metrics: CallMetrics,
        log: EventLog,
        clock: Clock,
        randomness: Randomness,
        options: ServerOptions,
    ) -> None:
        self._options = options
        self._bodies = Bodies(clock=clock)
        interceptors = Interceptors(
            authenticator=authenticator,
            audit=audit,
            metrics=metrics,
            log=log,
            clock=clock,
            randomness=randomness,
            bodies=self._bodies,
            deadlines=options.deadlines,
            max_calls=options.max_calls,
            revoke_slots=options.revoke_slots,
        )
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="call")
        self._server = grpc.server(
            self._pool,
            handlers=[method_table(verbs, interceptors)],
            options=options.channel_arguments(),
            maximum_concurrent_rpcs=BACKSTOP,
        )
        self._side_pools = SidePools()
        self._health = health.HealthServicer(experimental_thread_pool=self._side_pools.watch)
        self.set_serving(serving=False)
        side_services = [health_handler(self._health, self._bodies, self._side_pools.check, services=HEALTH_NAMES)]
        if options.reflection:
            side_services.append(reflection_handler(self._side_pools.reflection))
        self._server.add_generic_rpc_handlers(side_services)

    def bind(self) -> int:
        """Bind the addresses and return the first one's port; raises `ListenError`."""
        options = self._options
        options.check_protection()
        self._ports = [self._bind(address) for address in (options.listen, *options.further)]
        return self._ports[0]

    def _bind(self, address: str) -> int:
        certificate = self._options.certificate
        try:
            if certificate is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, tls(certificate))
        except RuntimeError:
            raise ListenError(f"cannot listen on {address}") from None

    def start(self) -> None:
        """Serve, and say so."""
        self._bodies.start()
        self._server.start()
        self.set_serving(serving=True)

    def set_serving(self, *, serving: bool) -> None:
        """Let health say whether a call would work; no effect once `drain` has begun."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in HEALTH_NAMES:
            self._health.set(service, status)

    def stop_listening(self) -> None:
        """Take no more connections, where others listen on the same addresses; those that there are go on."""
        own_sockets.stop_listening(self._ports)

    def has_connections(self) -> bool:
        """Whether anybody is connected."""
        return own_sockets.has_connections(self._ports)

    def announce_drain(self) -> None:
        """Let health say NOT_SERVING for good, so that balancers turn away before calls are refused."""
        self._health.enter_graceful_shutdown()

    def drain(self, grace: float) -> None:
        """Take no more calls, wait up to `grace` seconds for those that run, cancel the rest, and return.

        gRPC's core answers CANCELLED, without having begun it, to a call that arrives in the instant of the stop
        (grpc/grpc#41785): the longer ago the announcement, the fewer there are.
        """
        until = time.monotonic() + grace
        self.announce_drain()
        self._server.stop(grace).wait()
        self._bodies.close()
        self._side_pools.close()
        wait_for_handlers(self._pool, until - time.monotonic())
