"""The composition root of `mmt spool drain`: what a replica that will not come back left on its disk is settled."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.exchanger import LIFE_BYTES, Opened
from mmt_grpc.app.replica_administration import SpoolKind, spool, spool_directory
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.attempt_reading import name_of
from mmt_grpc.exchange.engine import ExchangeEngine
from mmt_grpc.exchange.settlement import KEPT
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice
from mmt_grpc.telemetry.log import Log

ROLE: Final = "drain"
COMMITTED: Final = "attempt"
"""Answers that are committed stay for a while, for a failover: they do not count as left."""
PATIENCE: Final = 300 * MICROSECONDS
"""How long revocations are waited for: four at a time of each provider, of which one that fails is soon left alone.

As long for probes of answers that others have overtaken.
"""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain has left of the spool of `owner`, and whether that replica is forgotten.

    It is registered still while something is left, and while a failover could take back what it has just committed.
    """

    owner: bytes
    left: Sequence[SpoolKind]
    is_forgotten: bool


def drain(settings: Settings) -> Drained:
    """Do in place of the replica of `settings.state_dir` what its next start would do, and forget it if that is all.

    Attempts are settled and their answers committed, requests rejected, grants that no row holds and credentials of
    revoked rows revoked upstream, each tried once, except at a provider that fails. Attempts that cannot be read put
    their rows in doubt, and are left. Raises `LockedError` if the replica runs, a `StartRefusedError`, `KeyringError`
    or `StoreUnavailableError`, `RefusedError` where no replica has left a spool.
    """
    # Entering a directory would make it, and give it an id: a wrong path is not to look like a drained replica.
    spool_directory(settings.state_dir)
    state = StateDirectory.enter(settings.state_dir, patience=0.0)
    log = Log.to_stderr(process=ROLE, wall_clock=time.time_ns, layout=settings.log.format)
    birth = Birth(
        role=ROLE,
        life=secrets.token_bytes(LIFE_BYTES),
        channel=ChannelSlice(socket=Path("/nonexistent"), secret=Secret("")),
        metrics_dir=None,
    )
    opened = Opened(exchanger_slice(settings, birth), state.owner, NoFailpoints(), log)
    opened.check()
    # Its own beat is the next thing that the registry hears of it.
    was_silent = _is_silent(opened, state.owner)
    engine = EngineWiring(opened.parts()).engine()
    drained = _worked(engine)
    unreadable = {name_of(attempt_id) for attempt_id in engine.settling.unreadable()}
    opened.audit.close()
    kept = spool(settings.state_dir, known_unreadable=unreadable)
    left = [kind for kind in kept if not (drained and kind.kind == COMMITTED)]
    may_come_back = bool(kept) and (engine.settling.has_written or not was_silent)
    is_forgotten = drained and not left and not may_come_back and _forget(opened, state.owner)
    return Drained(state.owner, left, is_forgotten)


def _worked(engine: ExchangeEngine) -> bool:
    """Do all there is to do, and stop; True if no attempt is left unsettled."""
    engine.recover()
    # Rows whose Revoke was under way when the replica died are left to its workers for a while.
    engine.wait_for_revokes(is_stopping=lambda: False)
    engine.upkeep.finish_asking(PATIENCE)
    engine.upstream.finish(PATIENCE)
    return engine.stop()


def _is_silent(opened: Opened, owner: bytes) -> bool:
    """Whether all that a replica wrote was written so long ago that no failover takes it back."""
    now = opened.store.tokens.now()
    return all(now - one.seen_at >= KEPT for one in opened.store.replicas.list() if one.beat.owner == owner)


def _forget(opened: Opened, owner: bytes) -> bool:
    """Have nobody wait for a replica that has nothing left to settle: no row names it, and its disk holds no answer."""
    try:
        return opened.store.replicas.forget(owner)
    except StoreUnavailableError:
        return False
