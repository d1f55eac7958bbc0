"""Callers who go on while everything is rolled over: all four verbs, each answer looked at, each failure kept.

A call that no handler took is no failure of one that was accepted: gRPC's core ends what arrives in the instant of a
server's stop (grpc/grpc#41785), and the kernel resets a connection whose handshake crosses a listener's end. Such calls
are counted apart, must have had no effect, and are made again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc

from mmt.v1 import token_service_pb2 as pb
from tests.support.clients import READ, Caller, Refused, token_of
from tests.support.service import Service, someone

Answer = TypeVar("Answer")

NEVER_TAKEN: Final = "Cancelling all calls"
"""What the core says, as UNAVAILABLE, to a call in its own queue once all that were accepted have ended."""
UNCONNECTED: Final = "failed to connect to all addresses"
"""What it says, as UNAVAILABLE, to a call for which there is no connection."""
UNBEGUN: Final = ("", "CANCELLED")
"""What it says, as CANCELLED, to one that it has not handed to anybody; handlers say so of nothing."""
CUT_SHORT: Final = 14.0
"""Seconds: a call that is refused later than this may have been accepted, and cut short when `grace` was over."""
PAUSE: Final = 0.01
SLOW: Final = 4.0
"""Seconds that an exchange takes which is slow on purpose."""


def is_never_taken(refused: Refused, seconds: float) -> bool:
    """Whether no handler has seen the call."""
    if refused.reason is not None or seconds > CUT_SHORT:
        return False
    told = refused.sentence == NEVER_TAKEN or refused.sentence.startswith(UNCONNECTED)
    queued = refused.code is grpc.StatusCode.UNAVAILABLE and told
    return queued or (refused.code is grpc.StatusCode.CANCELLED and refused.sentence in UNBEGUN)


@dataclass
class Tally:
    """What became of calls, by verb; `failed` says what was wrong with each that failed."""

    answered: Counter[str] = field(default_factory=Counter)
    never_taken: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.answered + other.answered, self.never_taken + other.never_taken, [*self.failed, *other.failed]
        )


class Calling(threading.Thread):
    """One caller, on a connection of its own: takes its turn over and over until it is told to stop."""

    def __init__(self, service: Service, turn: Callable[[Calling], None]) -> None:
        super().__init__(daemon=True)
        self.service = service
        self.tally = Tally()
        self.stopping = threading.Event()
        self._turn = turn
        self.caller = Caller(service.dev.address, service.dev.api_keys["write"])

    def run(self) -> None:
        try:
            while not self.stopping.wait(PAUSE):
                self._turn(self)
        except Exception as error:  # noqa: BLE001  # whatever ends a caller is a finding
            self.tally.failed.append(f"a caller ended: {error!r}")
        finally:
            self.caller.close()

    def ask(
        self, verb: str, call: Callable[[], Answer], *, untouched: Callable[[], bool] = lambda: True
    ) -> Answer | None:
        """Call until somebody takes the call; return the answer, None for a failure.

        `untouched` says whether a call that nobody took has had no effect.
        """
        while True:
            began = time.monotonic()
            try:
                answer = call()
            except Refused as refused:
                seconds = time.monotonic() - began
                if not is_never_taken(refused, seconds):
                    self.fail(f"{verb}: {refused} after {seconds:.2f} s")
                    return None
                self.tally.never_taken[verb] += 1
                if not untouched():
                    self.fail(f"{verb}: ended as if nobody had taken it, and had an effect")
                self.stopping.wait(PAUSE)
            else:
                self.tally.answered[verb] += 1
                return answer

    def fail(self, sentence: str) -> None:
        """Keep what was wrong."""
        self.tally.failed.append(f"{time.strftime('%H:%M:%S')} {sentence}")


Turn = Callable[[Calling], None]


def resolving(service: Service) -> Turn:
    """Resolve a living token."""
    token_id, _ = service.connected()

    def turn(one: Calling) -> None:
        one.ask("Resolve", lambda: one.caller.resolve(token_id))

    return turn


def checking(service: Service) -> Turn:
    """Ask what a token may be used for."""
    token_id, _ = service.connected()

    def turn(one: Calling) -> None:
        answer = one.ask("CheckScope", lambda: one.caller.check_scope(token_id))
        if answer is not None and not answer.allowed:
            one.fail("CheckScope: not allowed")

    return turn


def refreshing(service: Service, integration: str, *, slow: bool = False) -> Turn:
    """Have a token refreshed by saying that the exchange refused it; `slow`: the exchange takes its time for each."""
    token_id, account = service.connected(integration)
    generations = [1]

    def turn(one: Calling) -> None:
        generation = generations[-1]
        if slow:
            service.fault(integration, account, "slow", seconds=SLOW, endpoint="token")
        spent = service.books(integration, account)["refreshes"]
        answer: pb.ResolveResponse | None = one.ask(
            "refresh",
            lambda: one.caller.resolve(token_id, rejected_generation=generation),
            untouched=lambda: service.books(integration, account)["refreshes"] == spent,
        )
        if answer is None:
            return
        generations.append(answer.generation)
        if answer.generation != generation + 1 or not service.is_live(integration, account, token_of(answer)):
            one.fail(f"refresh: generation {answer.generation} after {generation}")

    return turn


def connecting(service: Service) -> Turn:
    """Connect somebody new, resolve what came of it, and revoke it."""

    def turn(one: Calling) -> None:
        account, user = someone("account"), someone()
        code = service.code("uphold", account)
        connected = one.ask(
            "Connect",
            lambda: one.caller.connect(user, "uphold", READ, authorization_code=code),
            untouched=lambda: not service.books("uphold", account)["exchanges"],
        )
        if connected is None:
            return
        token_id = connected.token_id
        one.ask("Resolve", lambda: one.caller.resolve(token_id))
        revoked = one.ask(
            "Revoke", lambda: one.caller.revoke(token_id), untouched=lambda: bool(one.caller.resolve(token_id))
        )
        if revoked is not None and service.books("uphold", account)["live"]:
            one.fail(f"Revoke: the exchange was not told, upstream {revoked.upstream}")

    return turn


def everybody(service: Service) -> list[Calling]:
    """All callers, not yet begun: of each verb, one of them at a slow exchange."""
    turns = [
        resolving(service),
        resolving(service),
        checking(service),
        refreshing(service, "coinbase"),
        refreshing(service, "uphold"),
        refreshing(service, "coinbase", slow=True),
        connecting(service),
    ]
    return [Calling(service, turn) for turn in turns]
