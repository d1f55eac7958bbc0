"""The points at which a replica is killed, by what they interrupt, and what a killed one leaves to look at."""

import contextlib

from mmt_grpc.domain.errors import ProviderUnavailableError, ReauthenticationRequiredError
from mmt_grpc.domain.failpoints import NAMES
from tests.support.fakes_exchange_faults import LOST_REQUEST, OUTAGE, REFUSED
from tests.support.fakes_world import Client, World

CONNECT = [name for name in NAMES if name.startswith("connect.")]
ROADS = {
    "refresh.after_refusal": REFUSED,
    "refresh.after_condemn": REFUSED,
    "refresh.after_release": OUTAGE,
    "refresh.after_doubt": LOST_REQUEST,
}
"""The fault that leads by a point; a refresh that succeeds comes by all the others."""
SENDING = [name for name in NAMES if name.startswith(("refresh.", "spool.")) and name not in ROADS]
ANSWERED = "settle.before_commit"
ENDINGS = ["settle.before_clear", "settle.before_scrub", "spool.before_scrub", "spool.before_unlink"]
REFRESH = [name for name in SENDING if name not in ENDINGS]
NEVER_SENT = REFRESH[: REFRESH.index("spool.before_intent_sync")]
UNSENT = REFRESH[: REFRESH.index("refresh.after_answer")]
LOST = ["refresh.after_answer", "spool.before_answer"]
"""Between the provider's commit and our fsync: the one place at which a chain can be lost."""
WORKERS = ["revoke.before_ledger", "revoke.after_ledger", "revoke.after_stage", "revoke.after_delete"]
EXCHANGERS = [name for name in NAMES if name.startswith("revoke.") and name not in WORKERS]


def interrupted_refresh(world: World, client: Client, name: str, *, restarts: bool = True) -> str:
    """Make a token whose refresh was killed at a point, and mostly a replica that lives again; return its id."""
    token = client.new_token()
    world.pass_time(3600)
    world.failpoints.arm(name)
    try_to_resolve(client, token)
    assert name in world.failpoints.reached
    if restarts:
        world.restart()
    return token


def try_to_resolve(client: Client, token_id: str) -> None:
    """Ask for a token that may not be had: any refusal but these two would be a guess."""
    with contextlib.suppress(ProviderUnavailableError, ReauthenticationRequiredError):
        client.resolve(token_id)
