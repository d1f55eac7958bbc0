"""Puts a worker together from its parts: the verbs and the public server."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.app.doubted_callers import DoubtedCallers
from mmt_grpc.crypto.index import KeyedCallerMacs, KeyedIndex
from mmt_grpc.crypto.keyring import AccessKeyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.rows import RowAccessSealing
from mmt_grpc.domain.catalogue import Catalogue
from mmt_grpc.domain.check_scope import CheckScope
from mmt_grpc.domain.connect import Connect
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.freshness import Freshness
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.exchanger import Exchanger
from mmt_grpc.domain.resolve import Resolve
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.revoke import Revoke
from mmt_grpc.domain.verbs import Verbs
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.settings.slices import LimitsSlice, ListenSlice, WorkerSlice
from mmt_grpc.store.ledger import PeeweeLedger
from mmt_grpc.store.opening import Store
from mmt_grpc.telemetry.clock import BootClock
from mmt_grpc.telemetry.log import Log
from mmt_grpc.transport.api_keys import ApiKeyAuthenticator
from mmt_grpc.transport.arrival import Deadlines
from mmt_grpc.transport.credentials import CertificateFiles
from mmt_grpc.transport.metrics import CallMetrics
from mmt_grpc.transport.options import ServerOptions
from mmt_grpc.transport.server import TokenServer

WAITING_SHARE: Final = 12
"""Of a worker's calls so many sixteenths may wait for providers to bring something."""
REVOKING_SHARE: Final = 3
"""And so many for what they say to revocations: one is left, at the worst, to the many calls that need no provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a worker is made of."""

    keyring: AccessKeyring
    store: Store
    ledger: PeeweeLedger
    audit: Audit
    exchanger: Exchanger
    guard: RevivalGuard
    metrics: CallMetrics
    failpoints: Failpoints
    log: Log


def build_verbs(parts: Parts, settings: WorkerSlice) -> Verbs:
    """Put the four verbs together."""
    index = KeyedIndex(access_keyring=parts.keyring)
    sealing = RowAccessSealing(access_keyring=parts.keyring)
    rows, clock = parts.store.tokens, BootClock()
    catalogue = Catalogue(settings.integrations, frozenset(settings.wallets))
    limits = settings.limits
    waiting_room = room_for(limits.refresh_waiters, share=WAITING_SHARE, limits=limits)
    return Verbs(
        connect=Connect(
            catalogue=catalogue,
            index=index,
            exchanger=parts.exchanger,
            audit=parts.audit,
            clock=clock,
            waiting_room=waiting_room,
        ),
        resolve=Resolve(
            rows=rows,
            index=index,
            sealing=sealing,
            guard=parts.guard,
            freshness=Freshness(rows=rows, exchanger=parts.exchanger, clock=clock, waiting_room=waiting_room),
            audit=parts.audit,
        ),
        revoke=Revoke(
            rows=rows,
            ledger=parts.ledger,
            index=index,
            guard=parts.guard,
            exchanger=parts.exchanger,
            audit=parts.audit,
            clock=clock,
            # Of its own: refreshes that wait for an exchange must not keep revocations from being tried there.
            waiting_room=room_for(limits.refresh_waiters // 2, share=REVOKING_SHARE, limits=limits),
            failpoints=parts.failpoints,
        ),
        check_scope=CheckScope(rows=rows, index=index, sealing=sealing, guard=parts.guard, audit=parts.audit),
        find_integration=catalogue.find,
    )


def room_for(places: int, *, share: int, limits: LimitsSlice) -> WaitingRoom:
    """Return room for so many sixteenths of a worker's calls; one provider gets `places`, two thirds of it at most."""
    total = max(1, limits.max_calls * share // 16)
    return WaitingRoom(places=max(1, min(places, total * 2 // 3)), total=total)


def build_server(parts: Parts, settings: WorkerSlice) -> TokenServer:
    """Put the public server together."""
    clock = BootClock()
    return TokenServer(
        verbs=build_verbs(parts, settings),
        authenticator=ApiKeyAuthenticator(
            callers=DoubtedCallers(callers=parts.store.callers, guard=parts.guard),
            macs=KeyedCallerMacs(access_keyring=parts.keyring),
            clock=clock,
        ),
        audit=parts.audit,
        metrics=parts.metrics,
        log=parts.log,
        clock=clock,
        randomness=SystemRandomness(),
        options=server_options(settings.listen, settings),
    )


def server_options(listen: ListenSlice, settings: WorkerSlice) -> ServerOptions:
    """Return how the public server is to run."""
    certificate = None
    if listen.tls_certificate is not None and listen.tls_key is not None:
        certificate = CertificateFiles(listen.tls_certificate, listen.tls_key)
    limits = settings.limits
    return ServerOptions(
        listen=listen.addresses[0],
        further=listen.addresses[1:],
        certificate=certificate,
        allow_plaintext=listen.allow_plaintext,
        so_reuseport=listen.so_reuseport,
        reflection=listen.reflection,
        max_calls=limits.max_calls,
        revoke_slots=limits.revoke_slots,
        deadlines=Deadlines(default=int(limits.default_deadline * MICROSECONDS)),
        max_connection_age=limits.max_connection_age,
    )
