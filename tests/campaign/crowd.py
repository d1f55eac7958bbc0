"""The load: users whose tokens live for seconds, and callers who resolve them all the time at every replica."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from tests.campaign.fleet import Fleet
from tests.campaign.notary import Chain
from tests.support.clients import READ, Caller, Refused, token_of

PATIENCE = 8.0
"""Seconds that a call may take."""
REAUTHENTICATION = "REAUTHENTICATION_REQUIRED"
_QUICK_RECONNECT = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 500))
_PAUSE = 0.05
_BREATH = 0.02
"""Seconds between two calls of one thread: the machine's time is for those who are killed and start again."""


@dataclass
class User:
    """An end user and what was acknowledged to their backend.

    `chains` are all that acknowledged Connects brought; `served_from` is when the exchange gave the newest token that a
    Resolve has answered with.
    """

    name: str
    token_id: str = ""
    chains: list[Chain] = field(default_factory=list)
    served_from: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Loss:
    """A chain that the service says is over: `cause` as the refusal gave it, when by the monotonic clock."""

    user: User
    chain: Chain
    cause: str
    at: float


class Crowd:
    """Callers, their users, and what they found. A violation is a sentence; there must be none."""

    def __init__(self, fleet: Fleet, *, access_seconds: float, seed: int) -> None:
        self.fleet = fleet
        self.access_seconds = access_seconds
        self.users: list[User] = []
        self.losses: list[Loss] = []
        self.violations: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.seed = seed
        self.stopping = threading.Event()
        self._callers: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def caller(self, address: str) -> Caller:
        """A caller of one replica; connections are shared by all threads."""
        with self._lock:
            if address not in self._callers:
                self._callers[address] = Caller(address, self.fleet.api_key, options=_QUICK_RECONNECT)
            return self._callers[address]

    def close(self) -> None:
        for caller in self._callers.values():
            caller.close()

    def gather(self, count: int) -> None:
        """Connect so many new users."""
        newcomers = [User(f"user-{self.seed}-{number}") for number in range(count)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.connect, newcomers))
        self.users += newcomers

    def connect(self, user: User) -> None:
        """Connect a user, with codes until one is acknowledged; the id must stay what it was."""
        while not self.stopping.is_set():
            code = self.code(user.name)
            if (answer := self.redeem(user, code)) is not None:
                self.acknowledge(user, code, answer)
                return

    def code(self, account: str) -> nouns.AuthorizationCode:
        """A code that the notary knows."""
        code = nouns.AuthorizationCode(**self.fleet.exchange.authorize(account, self.access_seconds))
        self.fleet.notary.announce(code.code, account)
        return code

    def redeem(self, user: User, code: nouns.AuthorizationCode) -> pb.ConnectResponse | None:
        """Send a code until there is a definite answer; None: it was refused."""
        chance = random.Random(code.code)
        while not self.stopping.is_set():
            address = chance.choice(self.fleet.addresses)
            request = pb.ConnectRequest(
                end_user_id=user.name,
                integration=self.fleet.exchange.name,
                scope=READ,
                authorization_code=code,
                request_id=code.code[:100],
            )
            caller = self.caller(address)
            try:
                answer: Any = ask(caller, caller.stub.Connect, request)
            except Refused as refused:
                self.outcomes[f"Connect {refused.reason or refused.code.name}"] += 1
                if refused.reason in {"GRANT_REJECTED", "CONFLICT"}:
                    return None
                time.sleep(_PAUSE)
                continue
            self.outcomes["Connect OK"] += 1
            return answer  # type: ignore[no-any-return]  # the stub's
        return None

    def acknowledge(self, user: User, code: nouns.AuthorizationCode, answer: pb.ConnectResponse) -> None:
        """Hold what an acknowledged Connect promised."""
        chain = self.fleet.notary.chain_of_code(code.code)
        if chain is None:
            self.violations.append(f"a Connect of {user.name} was acknowledged whose code the exchange never redeemed")
            return
        if user.token_id and answer.token_id != user.token_id:
            self.violations.append(f"{user.name} was given another token id by a later Connect")
        user.token_id = answer.token_id
        user.chains.append(chain)

    def run(self, threads: int) -> Sequence[threading.Thread]:
        """Start the callers."""
        started = [threading.Thread(target=self._call, args=(number,), daemon=True) for number in range(threads)]
        for thread in started:
            thread.start()
        return started

    def _call(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        while not self.stopping.wait(_BREATH):
            user = chance.choice(self.users)
            try:
                self.visit(user, chance)
            except Exception as error:  # noqa: BLE001  # a harness that has lost a thread must say so
                self.violations.append(f"the harness itself failed: {error!r}")
                return

    def visit(self, user: User, chance: random.Random) -> bool:
        """Resolve one user's token somewhere, and reconnect a user who must log in again; True if one was served."""
        if not user.chains:
            return False
        chain = user.chains[-1]
        caller = self.caller(chance.choice(self.fleet.addresses))
        request = pb.ResolveRequest(token_id=user.token_id, required_scope=READ)
        try:
            answer: Any = ask(caller, caller.stub.Resolve, request)
        except Refused as refused:
            self.outcomes[f"Resolve {refused.reason or refused.code.name}"] += 1
            self._refused(user, chain, refused)
            return False
        self.outcomes["Resolve OK"] += 1
        self._check(user, answer)
        return True

    def _check(self, user: User, answer: pb.ResolveResponse) -> None:
        origin = self.fleet.notary.origin(token_of(answer))
        if origin is None or origin[0] != user.name:
            whose = "nobody's" if origin is None else "another account's"
            self.violations.append(f"a wrong token: {user.name} was given {whose}")
        else:
            user.served_from = max(user.served_from, origin[1])

    def _refused(self, user: User, chain: Chain, refused: Refused) -> None:
        if refused.reason == "TOKEN_NOT_FOUND":
            self.violations.append(f"an acknowledged Connect is lost: {user.name} has no token")
        elif refused.reason == REAUTHENTICATION:
            with user.lock:
                if user.chains[-1] is chain:
                    cause = refused.metadata.get("cause", "")
                    self.losses.append(Loss(user, chain, cause, time.monotonic()))
                    self.connect(user)
        else:
            time.sleep(_PAUSE)


def ask(caller: Caller, method: Callable[..., Any], request: Message) -> Any:
    """Make a call that gives up sooner than a test's would: whoever asks here has a fleet to choose from."""
    try:
        return method(request, metadata=caller.metadata, timeout=PATIENCE)
    except grpc.RpcError as error:
        raise Refused(error) from None


@contextlib.contextmanager
def running_crowd(fleet: Fleet, *, tokens: int, access_seconds: float, seed: int, threads: int = 8) -> Iterator[Crowd]:
    """Connect users and resolve their tokens until the block ends."""
    crowd = Crowd(fleet, access_seconds=access_seconds, seed=seed)
    started: Sequence[threading.Thread] = ()
    try:
        crowd.gather(tokens)
        started = crowd.run(threads)
        yield crowd
    finally:
        crowd.stopping.set()
        for thread in started:
            thread.join(3 * PATIENCE)
        crowd.close()
