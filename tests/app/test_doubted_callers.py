"""An API key that another installation's database does not know is not called unknown."""

import pytest

from mmt_grpc.app.doubted_callers import DoubtedCallers
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.store import ApiKeyRow, ClientRow, Installation
from mmt_grpc.domain.revival_guard import RevivalGuard
from tests.support.fakes_clock import ManualClock
from tests.support.fakes_failure import RecordingLog
from tests.support.fakes_store import FakeStore

CLIENT = ClientRow(client_id="c-1", name="one", created_at=5, mac=bytes(32))
API_KEY = ApiKeyRow(key_id="k1", client_id="c-1", scope=Scope.READ, disabled=False, created_at=7, mac=bytes(32))


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore()
    made.installations.create(Installation(b"i" * 16, "dev", bytes(32), made.ledger.identity(), 0, 1))
    made.callers.add_client(CLIENT)
    made.callers.add_api_key(API_KEY)
    return made


@pytest.fixture
def guard(store: FakeStore) -> RevivalGuard:
    """One that is calm."""
    made = RevivalGuard(installations=store.installations, ledger=store.ledger, clock=ManualClock(), log=RecordingLog())
    made.look()
    assert made.settle(made.signs)
    return made


def test_a_key_is_read_as_the_database_has_it(store: FakeStore, guard: RevivalGuard) -> None:
    callers = DoubtedCallers(callers=store.callers, guard=guard)
    assert callers.read_api_key("k1") == (API_KEY, CLIENT)
    assert callers.read_api_key("k2") is None

    guard.suspect()
    assert callers.read_api_key("k1") == (API_KEY, CLIENT)
    assert callers.read_api_key("k2") is None, "it is our own database that does not know it"


def test_a_key_that_another_installations_database_does_not_know_may_be_good(
    store: FakeStore, guard: RevivalGuard
) -> None:
    vars(store.installations)["_installation"] = None
    guard.suspect()

    with pytest.raises(StoreUnavailableError):
        DoubtedCallers(callers=store.callers, guard=guard).read_api_key("k2")
