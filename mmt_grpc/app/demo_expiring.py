"""The demonstration's second part: tokens that expire, and what callers notice of it."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mmt_grpc.app.demo_stage import Came, Stage, masked, refusal, short
from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import MICROSECONDS, ConnectOutcome, Scope
from mmt_grpc.domain.secret import Secret

EVE: Final = "eve@example.com"
LIFE: Final = 4.0
"""Seconds that the tokens of this part live."""
CALLERS: Final = 20
INTEGRATIONS: Final = ("coinbase", "uphold", "binance")
NAMES: Final = tuple(f"short {integration}" for integration in INTEGRATIONS)
EXPIRED: Final = {"cause": "EXPIRED", "integration": "binance"}


def prepare(stage: Stage) -> None:
    """Connect what will have expired when this part is played."""
    users = stage.installation.exchange
    password = Secret(f"password-{uuid.uuid4()}")

    def connect() -> Came:
        for integration in INTEGRATIONS:
            grant = (
                users.sign_up("eve", password, Scope.READ, LIFE)
                if integration == "binance"
                else users.authorize(integration, "eve", Scope.READ, LIFE)
            )
            name = f"short {integration}"
            stage.connect(name, grant, user=EVE, integration=integration)
            # At once: it must not have expired on a slow machine.
            stage.credentials[name] = stage.bearer(stage.token_id(name), min_validity=0)
        return Came(", ".join(short(stage.token_id(name)) for name in NAMES), kept=True)

    stage.step(f"Connect three tokens that live {LIFE:g} s, and resolve them", "three credentials", connect)


def play(stage: Stage) -> None:
    """Wait until they have expired, then ask for them."""
    stage.step("Wait until they have expired", "all three are past their expiry", lambda: _wait(stage))
    stage.step(
        "Resolve the expired Coinbase token",
        "the same token_id, a new credential, one refresh",
        lambda: _refreshed(stage),
    )
    stage.step(
        f"{CALLERS} callers find the expired Uphold token at once",
        "one credential for all, one refresh at the exchange",
        lambda: _herd(stage),
    )
    stage.step(
        "Resolve the expired Binance session",
        "REAUTHENTICATION_REQUIRED: nothing to refresh with",
        lambda: refusal(
            lambda: stage.bearer(stage.token_id("short binance")), Reason.REAUTHENTICATION_REQUIRED, EXPIRED
        ),
    )
    stage.step("The user logs in at Binance again", "the same token_id works again", lambda: _back(stage))


def _wait(stage: Stage) -> Came:
    ends = [stage.connection(name).expires_at or 0 for name in NAMES]
    time.sleep(max(0.0, max(ends) / MICROSECONDS - time.time()) + 0.1)
    exchange = stage.installation.exchange
    let_in = [exchange.lets_in(stage.connection(name).integration, stage.credential(name)) for name in NAMES]
    return Came(f"the exchanges let in {sum(let_in)} of {len(NAMES)}", not any(let_in))


def _refreshed(stage: Stage) -> Came:
    before, token_id = stage.credential("short coinbase"), stage.token_id("short coinbase")
    after = stage.bearer(token_id)
    exchange = stage.installation.exchange
    works, book = exchange.lets_in("coinbase", after), exchange.book("coinbase", "eve")
    kept = works and before.token != after.token and (book.refreshes, book.reuses) == (1, 0)
    text = f"{short(token_id)} {masked(before.token)} → {masked(after.token)}, {book.refreshes} refresh"
    return Came(text, kept)


def _herd(stage: Stage) -> Came:
    before, token_id = stage.credential("short uphold"), stage.token_id("short uphold")
    with ThreadPoolExecutor(CALLERS) as pool:
        came = [bearer.token.reveal() for bearer in pool.map(stage.bearer, [token_id] * CALLERS)]
    book = stage.installation.exchange.book("uphold", "eve")
    kept = len(came) == CALLERS and len(set(came)) == 1 and before.token != Secret(came[0])
    text = f"{len(came)} answers, {len(set(came))} credential, {book.refreshes} refresh, {book.reuses} reused"
    return Came(text, kept and (book.refreshes, book.reuses) == (1, 0))


def _back(stage: Stage) -> Came:
    exchange, before = stage.installation.exchange, stage.token_id("short binance")
    login = exchange.sign_up("eve", Secret(f"password-{uuid.uuid4()}"), Scope.READ, 3600)
    again = stage.connect("short binance", login, user=EVE, integration="binance")
    works = exchange.lets_in("binance", stage.bearer(again.token_id))
    kept = works and again.token_id == before and again.outcome is ConnectOutcome.REAUTHENTICATED
    return Came(f"{short(again.token_id)} {again.outcome.name.lower()}, {'let in' if works else 'refused'}", kept)
