"""Replicas, clients, API keys and the installation."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.store import ApiKeyRow, ClientRow, DatabaseAge, Installation, Replica
from tests.store.backends import Backend
from tests.store.material import DAY, MINUTE, OTHER_OWNER, OWNER, beat, key

CLIENT = ClientRow(client_id="c-1", name="Ärger & Söhne 🚀", created_at=5, mac=key())
API_KEY = ApiKeyRow(key_id="k1", client_id="c-1", scope=Scope.READ, disabled=False, created_at=7, mac=key())
INSTALLATION = Installation(
    installation_id=b"i" * 16, mode="dev", index_check=key(), ledger_id=b"j" * 16, ledger_head=0, schema=1
)


def test_a_replica_registers_by_its_first_beat(backend: Backend) -> None:
    seen_at = backend.replicas.beat(beat()).now

    assert backend.replicas.list() == [Replica(beat(), seen_at)]


def test_a_later_beat_replaces_what_was_reported(backend: Backend) -> None:
    backend.replicas.beat(beat())
    backend.clock.shift = MINUTE
    later = replace(
        beat(), life=b"n" * 16, access_epochs=(31,), renewal_epochs=(31, 32), running_attempts=0, oldest_spooled_at=99
    )

    seen_at = backend.replicas.beat(later).now

    assert backend.replicas.list() == [Replica(later, seen_at)]


def test_the_same_beat_twice_is_one_replica(backend: Backend) -> None:
    backend.replicas.beat(beat())
    backend.replicas.beat(beat())

    assert len(backend.replicas.list()) == 1


def test_the_first_beat_of_a_life_takes_the_registration_over_and_later_ones_do_not(backend: Backend) -> None:
    first, second = replace(beat(), life=b"1" * 16), replace(beat(), life=b"2" * 16)
    backend.replicas.beat(first)
    assert not backend.replicas.beat(second).is_taken
    before = backend.replicas.list()

    backend.clock.shift = MINUTE
    assert backend.replicas.beat(first, replaces=first.life).is_taken

    assert backend.replicas.list() == before
    assert not backend.replicas.beat(second, replaces=second.life).is_taken


def test_a_registration_that_a_failover_took_back_is_made_again(backend: Backend) -> None:
    first, second = replace(beat(), life=b"1" * 16), replace(beat(), life=b"2" * 16)
    backend.replicas.beat(first)
    assert not backend.replicas.beat(second, replaces=first.life).is_taken

    backend.replicas.forget(OWNER)
    assert not backend.replicas.beat(second, replaces=first.life).is_taken

    assert [replica.beat.life for replica in backend.replicas.list()] == [second.life]


def test_a_beat_says_when_the_others_were_seen(backend: Backend) -> None:
    seen_at = backend.replicas.beat(beat(owner=OTHER_OWNER)).now

    assert backend.replicas.beat(beat()).others == {OTHER_OWNER: seen_at}


def test_a_replica_is_redated_unless_it_has_been_seen_since(backend: Backend) -> None:
    backend.clock.shift = DAY
    ahead = backend.replicas.beat(beat()).now
    backend.clock.shift = 0

    assert not backend.replicas.redate(OWNER, seen_at=ahead - 1, to=7)
    assert not backend.replicas.redate(OTHER_OWNER, seen_at=ahead, to=7)
    assert backend.replicas.redate(OWNER, seen_at=ahead, to=7)

    (replica,) = backend.replicas.list()
    assert (replica.beat, replica.seen_at) == (beat(), 7)


def test_a_forgotten_replica_is_gone(backend: Backend) -> None:
    backend.replicas.beat(beat())
    backend.replicas.beat(beat(owner=OTHER_OWNER))

    assert backend.replicas.forget(OWNER)
    assert not backend.replicas.forget(OWNER)
    assert [replica.beat.owner for replica in backend.replicas.list()] == [OTHER_OWNER]


def test_an_api_key_is_read_with_its_client(backend: Backend) -> None:
    backend.callers.add_client(CLIENT)
    backend.callers.add_api_key(API_KEY)

    assert backend.callers.read_api_key("k1") == (API_KEY, CLIENT)
    assert backend.callers.read_api_key("k2") is None


@pytest.mark.parametrize("alike", ["K1", "k1 ", " k1", "k1\u0301", "ḱ1", "k\uff11"])
def test_an_api_key_is_found_by_its_exact_id_alone(backend: Backend, alike: str) -> None:
    backend.callers.add_client(CLIENT)
    backend.callers.add_api_key(API_KEY)

    assert backend.callers.read_api_key(alike) is None


def test_an_api_key_without_its_client_is_not_found(backend: Backend) -> None:
    backend.callers.add_api_key(API_KEY)

    assert backend.callers.read_api_key("k1") is None


def test_clients_and_keys_are_added_once(backend: Backend) -> None:
    backend.callers.add_client(CLIENT)
    backend.callers.add_api_key(API_KEY)

    with pytest.raises(ConflictError):
        backend.callers.add_client(replace(CLIENT, name="other"))
    with pytest.raises(ConflictError):
        backend.callers.add_api_key(replace(API_KEY, scope=Scope.WRITE))

    assert backend.callers.read_api_key("k1") == (API_KEY, CLIENT)


def test_clients_and_keys_are_listed_by_creation(backend: Backend) -> None:
    older = replace(CLIENT, client_id="c-2", created_at=4)
    older_key = replace(API_KEY, key_id="k2", client_id="c-2", created_at=6)
    for client in (CLIENT, older):
        backend.callers.add_client(client)
    for api_key in (API_KEY, older_key):
        backend.callers.add_api_key(api_key)

    assert backend.callers.list_clients() == [older, CLIENT]
    assert backend.callers.list_api_keys(None) == [older_key, API_KEY]
    assert backend.callers.list_api_keys("c-1") == [API_KEY]
    assert backend.callers.list_api_keys("c-3") == []


def test_a_key_is_disabled_once_with_the_mac_that_covers_it(backend: Backend) -> None:
    backend.callers.add_client(CLIENT)
    backend.callers.add_api_key(API_KEY)
    mac = key()

    assert backend.callers.disable_api_key("k1", mac)
    assert not backend.callers.disable_api_key("k1", key())
    assert not backend.callers.disable_api_key("k2", mac)

    assert backend.callers.list_api_keys(None) == [replace(API_KEY, disabled=True, mac=mac)]


def test_a_database_says_whose_it_is_and_how_far_it_has_come(backend: Backend) -> None:
    assert backend.installations.age() is None

    backend.installations.create(INSTALLATION)
    backend.installations.advance_head(before=0, after=50)
    backend.recoveries.open(0)

    assert backend.installations.age() == DatabaseAge(INSTALLATION.installation_id, ledger_head=50, recovery=1)


def test_the_installation_is_written_once(backend: Backend) -> None:
    assert backend.installations.read() is None

    backend.installations.create(INSTALLATION)

    with pytest.raises(ConflictError):
        backend.installations.create(replace(INSTALLATION, mode="production"))
    assert backend.installations.read() == INSTALLATION


def test_the_ledgers_head_advances_from_where_it_was_read(backend: Backend) -> None:
    backend.installations.create(INSTALLATION)

    assert backend.installations.advance_head(before=0, after=50)
    assert not backend.installations.advance_head(before=0, after=60)
    assert backend.installations.advance_head(before=50, after=50)

    assert backend.installations.read() == replace(INSTALLATION, ledger_head=50)
