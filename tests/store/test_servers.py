"""Another server that answers at the same URL is noticed, before any connection to the old one has broken."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from mmt_grpc.store import Store, open_store
from mmt_grpc.store.servers import KnownServers
from tests.support.database_server import DatabaseServer


def test_only_a_server_that_is_not_known_is_told_of() -> None:
    told: list[None] = []
    servers = KnownServers(on_other=lambda: told.append(None))

    servers.met(("a", 3306, 1))
    servers.met(("a", 3306, 1))
    assert len(told) == 0

    servers.met(("b", 3306, 1))
    servers.met(("a", 3306, 1))
    servers.met(("b", 3306, 1))
    assert len(told) == 1


def test_after_a_loss_a_server_that_was_known_before_is_another_again() -> None:
    told: list[None] = []
    servers = KnownServers(on_other=lambda: told.append(None))
    servers.met(("a", 3306, 1))
    servers.met(("b", 3306, 1))
    servers.forget()
    servers.met(("b", 3306, 1))
    assert len(told) == 1

    servers.met(("a", 3306, 1))
    assert len(told) == 2


def test_a_new_connection_to_another_server_counts_as_a_loss(mariadb: DatabaseServer) -> None:
    losses: list[None] = []
    url = mariadb.fresh_database()
    ((server_id,),) = mariadb.administrate("SELECT @@GLOBAL.server_id")
    with contextlib.closing(open_store(url, pool_size=4, on_loss=lambda: losses.append(None))) as store:
        ask_at_once(store, 2)
        assert losses == [], "they are connections to one server"

        # What a name that has moved would lead to; the old connections go on living.
        mariadb.administrate("SET GLOBAL server_id = 4711")
        try:
            ask_at_once(store, 4)
        finally:
            mariadb.administrate(f"SET GLOBAL server_id = {server_id}")
    assert losses
    mariadb.drop(url)


def ask_at_once(store: Store, count: int) -> None:
    """Have so many connections in use at the same time."""
    barrier = Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(store._execution.read, lambda _: barrier.wait(30)) for _ in range(count)]:
            done.result()
