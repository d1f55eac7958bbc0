"""Connects and Revokes going on under faults: what was acknowledged must hold ever after."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmt.v1 import token_service_pb2 as pb
from tests.campaign.crowd import PATIENCE, Crowd, User, ask
from tests.support.clients import READ, Refused

_PAUSE = 0.05
_ASKED_AGAIN = 20
"""How many earlier answers are checked again with each new one."""
GONE = "TOKEN_NOT_FOUND"


@dataclass
class Churn:
    """Connects new users and revokes some of them; violations go to the crowd's."""

    crowd: Crowd
    pause: float
    kept: list[User] = field(default_factory=list)
    revoked: list[User] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(3 * PATIENCE)

    def check(self, *, everything: bool = False) -> None:
        """Hold what was acknowledged against what every replica says now."""
        chance = random.Random(len(self.revoked))
        for user in self._some(self.revoked, chance, everything=everything):
            if self._state(user) is True:
                self.crowd.violations.append(f"an acknowledged Revoke is lost: {user.name} has a token")
        for user in self._some(self.kept, chance, everything=everything):
            if self._state(user) is False:
                self.crowd.violations.append(f"an acknowledged Connect is lost: CheckScope finds no {user.name}")

    @staticmethod
    def _some(users: Sequence[User], chance: random.Random, *, everything: bool) -> Sequence[User]:
        users = list(users)
        return users if everything else chance.sample(users, min(_ASKED_AGAIN, len(users)))

    def _run(self) -> None:
        chance = random.Random(self.crowd.seed)
        number = 0
        while not self.crowd.stopping.wait(self.pause):
            number += 1
            user = User(f"passer-by-{self.crowd.seed}-{number}")
            self.crowd.connect(user)
            if not user.chains:
                return
            if chance.random() < 1 / 2:
                self.kept.append(user)
            elif self._revoke(user):
                self.revoked.append(user)
            if number % 5 == 0:
                self.check()

    def _revoke(self, user: User) -> bool:
        """Revoke until it is acknowledged.

        "Not found" is an acknowledgement, too: of a repeated Revoke, and of one whose DELETE a starting replica has
        finished from the ledger. That there was a row before is asked for first.
        """
        chance = random.Random(user.token_id)
        if self._state(user) is False:
            self.crowd.violations.append(f"an acknowledged Connect is lost: {user.name} has no token")
        while not self.crowd.stopping.is_set():
            caller = self.crowd.caller(chance.choice(self.crowd.fleet.addresses))
            try:
                ask(caller, caller.stub.Revoke, pb.RevokeRequest(token_id=user.token_id))
            except Refused as refused:
                self.crowd.outcomes[f"Revoke {refused.reason or refused.code.name}"] += 1
                if refused.reason == GONE:
                    return True
                time.sleep(_PAUSE)
                continue
            self.crowd.outcomes["Revoke OK"] += 1
            return True
        return False

    def _state(self, user: User) -> bool | None:
        """Whether there is a row: True, False, or None where nobody could say."""
        chance = random.Random(time.monotonic_ns())
        for _ in range(_ASKED_AGAIN):
            caller = self.crowd.caller(chance.choice(self.crowd.fleet.addresses))
            request = pb.CheckScopeRequest(token_id=user.token_id, required_scope=READ)
            try:
                ask(caller, caller.stub.CheckScope, request)
            except Refused as refused:
                if refused.reason == GONE:
                    return False
                time.sleep(_PAUSE)
            else:
                return True
        return None
