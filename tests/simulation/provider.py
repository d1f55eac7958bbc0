"""The engine's end of the connection to the exchange, on which everything may be lost."""

from collections.abc import Sequence
from typing import Final, Protocol

from mmt_grpc.domain.model import MICROSECONDS, Credential, Grant, Liveness, Scope, Upstream
from mmt_grpc.domain.ports.providers import Failure, Issued, Learn
from mmt_grpc.domain.secret import Secret
from tests.simulation.exchange import LATEST_ARRIVAL, NAME, TOTAL_TIMEOUT, Exchange, Post
from tests.simulation.scheduler import Process, Scheduler

AMBIGUOUS: Final = frozenset({"lost_post", "lost_answer", "late_post", "late_answer"})


class Witness(Protocol):
    """Who is told of what is sent."""

    def sent(self, post: Post) -> None:
        """A POST has been written by the task that runs."""
        ...

    def answered(self, post: Post) -> None:
        """Its answer is in our memory."""
        ...


class SimulatedChannel:
    """A fresh connection, good for one POST."""

    def __init__(self, *, provider: "SimulatedProvider") -> None:
        self._provider = provider

    def refresh(self, renewal: Secret) -> Issued:
        return self._provider.post(renewal.reveal())

    def close(self) -> None:
        return


class SimulatedProvider:
    """`Provider` and `Providers` for one process."""

    def __init__(self, *, exchange: Exchange, scheduler: Scheduler, process: Process, witness: Witness) -> None:
        self._exchange = exchange
        self._scheduler = scheduler
        self._process = process
        self._witness = witness

    @property
    def name(self) -> str:
        return NAME

    @property
    def tolerates_reuse(self) -> bool:
        return self._exchange.tolerant

    def get(self, integration: str) -> "SimulatedProvider":
        assert integration == NAME
        return self

    def open_refresh(self) -> SimulatedChannel:
        self._step("connect")
        if self._exchange.is_down_until > self._scheduler.now:
            raise self._exchange.error(Failure.NOT_SENT)
        return SimulatedChannel(provider=self)

    def post(self, renewal: str) -> Issued:
        """Write a POST and wait for its answer; whether it gets there and back is decided here."""
        self._step("about to write")
        fates = self._exchange.fates
        post = Post(renewal, fates.pop(0) if fates else "", self._scheduler.now)
        self._witness.sent(post)
        self._scheduler.note(f"{self._process.name} writes a POST of {renewal}, fate {post.fate or 'none'}")
        there, back = self._delays(post.fate)
        if post.fate != "lost_post":
            self._scheduler.at(self._scheduler.now + there, lambda: self._exchange.arrive(post))
        wait = min(there + back, TOTAL_TIMEOUT)
        self._scheduler.step(self._process, "awaits the answer", wait=wait + 1)
        if post.fate in AMBIGUOUS or there + back > TOTAL_TIMEOUT:
            raise self._exchange.error(Failure.AMBIGUOUS)
        return self._read(post)

    def _read(self, post: Post) -> Issued:
        if post.fate == "invalid_client":
            raise self._exchange.error(Failure.OUR_OUTAGE)
        if post.fate in {"unavailable", "rate_limit"}:
            raise self._exchange.error(Failure.NOT_CONSUMED, limited=post.fate == "rate_limit")
        if post.answer is None:
            raise self._exchange.error(Failure.PERMANENT)
        self._witness.answered(post)
        return post.answer

    def _delays(self, fate: str) -> tuple[int, int]:
        """Return how long the way there and the way back take."""
        draw = self._scheduler.random.random
        if fate == "late_post":
            return int(LATEST_ARRIVAL * draw()), TOTAL_TIMEOUT
        if fate == "late_answer":
            return self._scheduler.delay() % MICROSECONDS, 2 * TOTAL_TIMEOUT
        return self._scheduler.delay() % (3 * MICROSECONDS), self._scheduler.delay() % (5 * MICROSECONDS)

    def redeem(self, grant: Grant, scope: Scope) -> Issued:
        self._step("redeem")
        issued = self._exchange.redeem(grant, scope)
        self._step("redeemed")
        return issued

    def read_account(self, credential: Credential) -> str | None:
        del credential
        self._step("account")
        return None

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:
        del credential
        return None

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        del granted, scope
        return True

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        del granted, scope
        return False

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        del scope
        return ("read",)

    def revoke(self, credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        del learn
        self._step("revoke")
        return self._exchange.revoke(credential, renewal)

    def probe(self, credential: Credential) -> Liveness:
        self._step("probe")
        liveness = self._exchange.probe(credential)
        self._step("probed")
        return liveness

    def _step(self, kind: str) -> None:
        self._scheduler.step(self._process, kind)
