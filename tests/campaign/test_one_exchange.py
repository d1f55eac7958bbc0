"""Three replicas, fifty callers at each: one expiry is one exchange, by the exchange's own books.

At the sandbox, and at one that nobody here wrote: npm's oidc-provider.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import grpc
import pytest

from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from tests.campaign.fleet import Fleet, owner_of, running_fleet
from tests.campaign.member import Member, kill_process
from tests.campaign.oidc_provider import oidc_exchange
from tests.campaign.verdict import SENT_AT_MOST
from tests.support.clients import PATIENCE, READ, Caller, Refused, token_of
from tests.support.database_server import DatabaseServer
from tests.support.service import someone
from tests.support.waiting import until

REPLICAS = 3
CALLERS = 50
CONNECTIONS = 5
EXPIRIES = 4
LIFE = 600.0
"""Seconds that an access token lives."""
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=[None, oidc_exchange], ids=["sandbox", "oidc-provider"])
def fleet(request: pytest.FixtureRequest, mariadb: DatabaseServer, tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(mariadb, tmp_path, replicas=REPLICAS, exchange=request.param) as fleet:
        yield fleet


def expired(fleet: Fleet) -> tuple[str, str]:
    """Somebody whose access token is over by its row, and whose next one lives long: the token id, the account."""
    account = someone("account")
    code = nouns.AuthorizationCode(**fleet.exchange.authorize(account, LIFE))
    fleet.notary.announce(code.code, account)
    with closing(Caller(fleet.dev.address, fleet.api_key)) as caller:
        token_id = caller.connect(someone(), fleet.exchange.name, READ, authorization_code=code).token_id
    fleet.query("UPDATE token SET access_expires_at = UNIX_TIMESTAMP() * 1000000 - 1 WHERE generation = 1")
    return token_id, account


def was_given_to(fleet: Fleet, token: str, account: str) -> bool:
    """Whether the exchange gave this access token for this account."""
    origin = fleet.notary.origin(token)
    return origin is not None and origin[0] == account


def counted(fleet: Fleet, account: str) -> tuple[int, int]:
    """How many refreshes and reuses of an account the exchange has in its books."""
    books = fleet.exchange.books()[account]
    return books["refreshes"], books["reuses"]


def at_once(callers: Sequence[Caller], token_id: str) -> list[str]:
    """Have all callers ask at the same moment; return the tokens they were given, or the reasons why not."""
    barrier = threading.Barrier(len(callers))
    request = pb.ResolveRequest(token_id=token_id, required_scope=READ)

    def answer(call: grpc.Future[pb.ResolveResponse]) -> str:
        try:
            return token_of(call.result())
        except grpc.RpcError as error:
            refused = Refused(error)
            return " ".join([refused.reason or refused.code.name, *filter(None, [refused.metadata.get("cause")])])

    def ask(caller: Caller) -> list[str]:
        barrier.wait()
        calls: list[grpc.Future[pb.ResolveResponse]] = [
            caller.stub.Resolve.future(request, metadata=caller.metadata, timeout=PATIENCE)
            for _ in range(CALLERS // CONNECTIONS)
        ]
        return [answer(call) for call in calls]

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(itertools.chain.from_iterable(pool.map(ask, callers)))


@contextmanager
def callers_of(members: Sequence[Member], fleet: Fleet) -> Iterator[list[Caller]]:
    """Fifty callers at each replica, on five connections."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(Caller(member.address, fleet.api_key)))
            for member in members
            for _ in range(CONNECTIONS)
        ]


def holder_stopped_with_its_answer(fleet: Fleet, holder: Member, token_id: str) -> int:
    """Have a replica refresh a token, and stop its exchanger (whose id is returned) when the exchange has committed.

    The lease is over by then: the clock that counts is in the row.
    """
    pid = holder.exchanger()
    assert pid is not None
    stopped = threading.Event()

    def stop(_: object) -> None:
        os.kill(pid, signal.SIGSTOP)
        stopped.set()

    fleet.notary.on_commit = stop
    with closing(Caller(holder.address, fleet.api_key)) as caller:
        call = caller.stub.Resolve.future(
            pb.ResolveRequest(token_id=token_id, required_scope=READ), metadata=caller.metadata, timeout=PATIENCE
        )
        assert stopped.wait(PATIENCE)
        call.cancel()
    fleet.notary.on_commit = lambda _: None
    fleet.query("UPDATE token SET lease_until = lease_until - 60000000 WHERE lease_until IS NOT NULL")
    return pid


def test_each_expiry_is_one_exchange_however_many_ask_wherever(fleet: Fleet) -> None:
    with callers_of(fleet.members, fleet) as callers:
        for _ in range(EXPIRIES):
            token_id, account = expired(fleet)
            tokens = at_once(callers, token_id)
            assert len(tokens) == REPLICAS * CALLERS
            assert len(set(tokens)) == 1
            assert was_given_to(fleet, tokens[0], account)
            assert counted(fleet, account) == (1, 0)
    assert fleet.notary.committed == EXPIRIES
    assert fleet.notary.most_sendings() == 1


def test_a_holder_that_stands_still_past_its_lease_is_waited_for(fleet: Fleet) -> None:
    with callers_of(fleet.members, fleet) as callers:
        token_id, account = expired(fleet)
        pid = holder_stopped_with_its_answer(fleet, fleet.members[-1], token_id)
        try:
            assert Counter(at_once(callers, token_id)) == {"PROVIDER_UNAVAILABLE": REPLICAS * CALLERS}
            assert fleet.notary.most_sendings() == 1
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: at_once(callers[:1], token_id) != ["PROVIDER_UNAVAILABLE"] * 10, "the answer comes")
        tokens = at_once(callers, token_id)
    assert len(set(tokens)) == 1
    assert was_given_to(fleet, tokens[0], account)
    assert counted(fleet, account) == (1, 0)
    assert fleet.notary.most_sendings() == 1


def test_a_holder_that_is_gone_for_good_costs_its_token_one_more_sending_and_says_so(fleet: Fleet) -> None:
    *staying, holder = fleet.members
    with callers_of(staying, fleet) as callers:
        token_id, account = expired(fleet)
        owner = owner_of(holder)
        kill_process(holder_stopped_with_its_answer(fleet, holder, token_id))
        holder.kill()
        holder.lose_disk()
        assert Counter(at_once(callers, token_id)) == {"PROVIDER_UNAVAILABLE": len(staying) * CALLERS}
        assert fleet.notary.most_sendings() == 1

        fleet.query("UPDATE replica SET seen_at = seen_at - 120000000")
        fleet.query("UPDATE token SET not_before = not_before - 60000000 WHERE not_before IS NOT NULL")
        fleet.mmt("replicas", "forget", owner)
        until(lambda: at_once(callers[:1], token_id) != ["PROVIDER_UNAVAILABLE"] * 10, "the loss is admitted")
        answers = Counter(at_once(callers, token_id))
    assert answers == {"REAUTHENTICATION_REQUIRED ROTATION_LOST": len(staying) * CALLERS}
    assert counted(fleet, account) == (1, 1)
    assert fleet.notary.most_sendings() == SENT_AT_MOST
