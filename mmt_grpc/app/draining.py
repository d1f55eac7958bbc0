"""The composition root of `mmt spool drain`: what a replica that will not come back left on its disk is settled."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.exchanger import LIFE_BYTES, Opened
from mmt_grpc.app.replica_administration import SpoolKind, spool
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.attempt_reading import name_of
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice
from mmt_grpc.telemetry.log import Log

ROLE: Final = "drain"
COMMITTED: Final = "attempt"
"""Answers that are committed stay for a while, for a failover: they do not count as left."""


def drain(settings: Settings) -> Sequence[SpoolKind]:
    """Do in place of the replica of `settings.state_dir` what its next start would do; return what is left.

    Attempts are settled and their answers committed, requests rejected, grants that no row holds and credentials of
    revoked rows revoked upstream, each tried once. Attempts that cannot be read put their rows in doubt, and are left.
    Raises `LockedError` if the replica runs, a `StartRefusedError`,
    `KeyringError` or `StoreUnavailableError`.
    """
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
    engine = EngineWiring(opened.parts()).engine()
    engine.recover()
    engine.upstream.sweep()
    drained = engine.stop()
    unreadable = {name_of(attempt_id) for attempt_id in engine.settling.unreadable()}
    opened.audit.close()
    left = spool(settings.state_dir, known_unreadable=unreadable)
    return [kind for kind in left if not (drained and kind.kind == COMMITTED)]
