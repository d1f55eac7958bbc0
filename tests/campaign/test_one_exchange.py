"""Three replicas, fifty callers at each: one expiry is one exchange, by the exchange's own books."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import grpc
import pytest

from mmt.v1 import token_service_pb2 as pb
from tests.campaign.fleet import Fleet, running_fleet
from tests.support.clients import PATIENCE, READ, Caller, token_of
from tests.support.database_server import DatabaseServer
from tests.support.service import Service, serving, someone
from tests.support.waiting import until

REPLICAS = 3
CALLERS = 50
CONNECTIONS = 5
EXPIRIES = 4
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def fleet(mariadb: DatabaseServer, tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(mariadb, tmp_path, replicas=REPLICAS) as fleet:
        yield fleet


def expired(service: Service) -> tuple[str, str]:
    """Somebody whose first token is over soon, and whose next ones live long; waits until it is over."""
    account = someone("account")
    tokens = service.tokens("coinbase", account, seconds=2)
    token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id
    until(service.is_past(tokens.expire_time), "the token expires")
    return token_id, account


def at_once(callers: Sequence[Caller], token_id: str) -> list[str]:
    """Have all callers ask at the same moment; return the tokens they were given."""
    barrier = threading.Barrier(len(callers))
    request = pb.ResolveRequest(token_id=token_id, required_scope=READ)

    def ask(caller: Caller) -> list[str]:
        barrier.wait()
        calls: list[grpc.Future[pb.ResolveResponse]] = [
            caller.stub.Resolve.future(request, metadata=caller.metadata, timeout=PATIENCE)
            for _ in range(CALLERS // CONNECTIONS)
        ]
        return [token_of(call.result()) for call in calls]

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(itertools.chain.from_iterable(pool.map(ask, callers)))


def test_each_expiry_is_one_exchange_however_many_ask_wherever(fleet: Fleet) -> None:
    with serving(fleet.dev) as service, ExitStack() as stack:
        callers = [
            stack.enter_context(closing(Caller(address, fleet.api_key)))
            for address in fleet.addresses
            for _ in range(CONNECTIONS)
        ]
        for _ in range(EXPIRIES):
            token_id, account = expired(service)
            tokens = at_once(callers, token_id)
            assert len(tokens) == REPLICAS * CALLERS
            assert len(set(tokens)) == 1
            assert service.is_live("coinbase", account, tokens[0])
            books = service.books("coinbase", account)
            assert (books["refreshes"], books["reuses"]) == (1, 0)
    assert fleet.notary.committed == EXPIRIES
    assert fleet.notary.most_sendings() == 1
