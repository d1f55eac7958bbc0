"""After an outage nothing is leased until every replica seen lately has settled it."""

import pytest

from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    LIFE,
    MINUTE,
    OTHER_OWNER,
    OWNER,
    SEEN_FOR,
    attempt,
    beat,
    connect,
    current,
    installation,
    refreshed,
)
from tests.store.test_races import RACERS, race


@pytest.fixture
def installed(backend: Backend) -> Backend:
    """A store with an installation and two replicas."""
    backend.installations.create(installation())
    backend.replicas.beat(beat(owner=OWNER))
    backend.replicas.beat(beat(owner=OTHER_OWNER))
    return backend


def leases(backend: Backend, *, owner: bytes = OWNER) -> bool:
    row = connect(backend.tokens)
    leased = backend.tokens.lease(row, attempt_id=attempt(), owner=owner, lease_for=MINUTE) is not None
    assert current(backend.tokens, row).state is (TokenState.REFRESHING if leased else TokenState.ACTIVE)
    return leased


def test_a_database_has_had_no_recovery_at_first(installed: Backend) -> None:
    assert installed.recoveries.current() == 0
    assert leases(installed)


def test_a_recovery_is_opened_once(installed: Backend) -> None:
    recoveries = installed.recoveries

    assert recoveries.open(0)
    assert not recoveries.open(0)
    assert not recoveries.open(2)
    assert recoveries.current() == 1
    assert recoveries.open(1)
    assert recoveries.current() == 2


def test_of_many_replicas_one_opens_a_recovery(installed: Backend) -> None:
    outcomes = race(*[lambda: installed.recoveries.open(0) for _ in range(RACERS)])

    assert sorted(map(bool, outcomes)) == [False] * (RACERS - 1) + [True]
    assert installed.recoveries.current() == 1


def test_without_an_installation_there_is_nothing_to_recover(backend: Backend) -> None:
    backend.replicas.beat(beat())

    assert backend.recoveries.current() == 0
    assert not backend.recoveries.open(0)
    assert leases(backend)


def test_nothing_is_leased_before_every_replica_has_settled_a_recovery(installed: Backend) -> None:
    installed.recoveries.open(0)
    assert not leases(installed)

    installed.recoveries.settle(OWNER, 1)
    assert not leases(installed)

    installed.recoveries.settle(OTHER_OWNER, 1)
    assert leases(installed)
    assert leases(installed, owner=OTHER_OWNER)


def test_a_lease_that_was_refused_does_not_show_its_owner_alive(installed: Backend) -> None:
    before = installed.replicas.list()
    installed.recoveries.open(0)
    installed.clock.shift = MINUTE

    assert not leases(installed)

    assert installed.replicas.list() == before


def test_no_retry_is_leased_before_every_replica_has_settled_a_recovery(backend: Backend) -> None:
    backend.installations.create(installation())
    row, _ = in_doubt(backend.tokens)
    backend.replicas.beat(beat(owner=OTHER_OWNER))
    backend.recoveries.open(0)
    assert retry_of(backend.tokens, row) is None

    backend.recoveries.settle(OTHER_OWNER, 1)

    assert retry_of(backend.tokens, row) is not None


def test_what_runs_is_ended_while_a_recovery_is_open(installed: Backend) -> None:
    tokens = installed.tokens
    row, attempt_id = in_doubt(tokens)
    installed.recoveries.open(0)

    assert tokens.commit_answer(row, attempt_id=attempt_id, refreshed=refreshed())


def test_settling_an_earlier_recovery_does_not_settle_a_later_one(installed: Backend) -> None:
    recoveries = installed.recoveries
    recoveries.settle(OTHER_OWNER, 2)
    recoveries.open(0)
    recoveries.open(1)

    recoveries.settle(OWNER, 1)
    assert not leases(installed)

    recoveries.settle(OWNER, 2)
    recoveries.settle(OWNER, 1)
    assert leases(installed)


def test_a_replica_that_was_not_seen_for_long_is_not_waited_for_until_it_is_back(installed: Backend) -> None:
    installed.recoveries.open(0)
    installed.recoveries.settle(OWNER, 1)
    assert not leases(installed)

    installed.clock.shift = SEEN_FOR + MINUTE
    installed.replicas.beat(beat(owner=OWNER))
    assert leases(installed)

    installed.replicas.beat(beat(owner=OTHER_OWNER))
    assert not leases(installed)
    installed.recoveries.settle(OTHER_OWNER, 1)
    assert leases(installed)


def test_a_replica_that_was_forgotten_is_not_waited_for(installed: Backend) -> None:
    installed.recoveries.open(0)
    installed.recoveries.settle(OWNER, 1)

    installed.replicas.forget(OTHER_OWNER)

    assert leases(installed)


def test_a_new_replica_has_settled_nothing_yet(installed: Backend) -> None:
    installed.recoveries.open(0)
    for owner in (OWNER, OTHER_OWNER):
        installed.recoveries.settle(owner, 1)
    newcomer = b"n" * 16

    installed.replicas.beat(beat(owner=newcomer))
    assert not leases(installed)

    installed.recoveries.settle(newcomer, 1)
    assert leases(installed)


def test_a_beat_settles_nothing_and_forgets_nothing(installed: Backend) -> None:
    installed.recoveries.open(0)
    installed.recoveries.settle(OWNER, 1)
    installed.replicas.beat(beat(owner=OWNER, life=LIFE[::-1]))
    installed.replicas.beat(beat(owner=OTHER_OWNER))
    assert not leases(installed)

    installed.recoveries.settle(OTHER_OWNER, 1)
    assert leases(installed)


def test_settling_registers_no_replica(installed: Backend) -> None:
    installed.recoveries.settle(b"n" * 16, 5)

    assert [replica.beat.owner for replica in installed.replicas.list()] == [OWNER, OTHER_OWNER]


def test_what_a_replica_has_settled_can_be_read_back(installed: Backend) -> None:
    recoveries = installed.recoveries
    recoveries.open(0)
    recoveries.settle(OWNER, 1)

    assert recoveries.settled_by(OWNER) == 1
    assert recoveries.settled_by(OTHER_OWNER) == 0
    installed.replicas.forget(OWNER)
    assert recoveries.settled_by(OWNER) is None
    installed.replicas.beat(beat(owner=OWNER))
    assert recoveries.settled_by(OWNER) == 0
