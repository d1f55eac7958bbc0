"""A failover of the campaign keeps what was acknowledged, and would be seen to lose it if it did not."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pymysql
import pytest

from tests.campaign.failover_pair import FailoverPair, Node, failover_pair
from tests.support.database_server import PASSWORD
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
WRITERS: Final = 3
SOME: Final = 20
STUCK: Final = 60
"""Seconds after which a writer gives a connection up, lest the test never ends."""


@dataclass(frozen=True)
class Books:
    """A table of numbers on a pair."""

    pair: FailoverPair
    database: str

    @classmethod
    def opened(cls, pair: FailoverPair) -> Books:
        database = pair.fresh_database().partition("?")[0].rpartition("/")[2]
        pair.administrate(f"CREATE TABLE {database}.entry (number BIGINT PRIMARY KEY)")
        return cls(pair, database)

    def entries(self, node: Node) -> set[object]:
        return {number for (number,) in node.administrate(f"SELECT number FROM {self.database}.entry")}  # noqa: S608  # our own name


@pytest.fixture(scope="module")
def pair() -> Iterator[FailoverPair]:
    with failover_pair() as pair:
        yield pair


@pytest.fixture
def books(pair: FailoverPair) -> Books:
    return Books.opened(pair)


class Writers:
    """Insert a number each, again and again, through whatever fails: none twice, so that what failed stays away."""

    def __init__(self, books: Books) -> None:
        self.attempted: set[object] = set()
        self.acknowledged: set[object] = set()
        self._books = books
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(WRITERS)]

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def await_more(self) -> None:
        """Wait until some more have been acknowledged."""
        enough = len(self.acknowledged) + SOME
        until(lambda: len(self.acknowledged) >= enough, "inserts are acknowledged")

    def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(pymysql.err.Error, OSError), self._connection() as connection:
                while not self._over.is_set():
                    number = next(self._numbers)
                    self.attempted.add(number)
                    connection.query(f"INSERT INTO entry VALUES ({number})")  # noqa: S608  # a number
                    self.acknowledged.add(number)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[pymysql.Connection[pymysql.cursors.Cursor]]:
        with socket.socket(socket.AF_UNIX) as wire:
            # The driver would leave a socket open that nobody listens to.
            wire.connect(self._books.pair.socket)
            connection = pymysql.connect(
                user="mmt",  # whom read_only holds back, as it does not an administrator
                password=PASSWORD,
                database=self._books.database,
                ssl_disabled=True,
                autocommit=True,
                read_timeout=STUCK,
                defer_connect=True,
            )
            connection.connect(sock=wire)
            yield connection


def last(position: object) -> int:
    """The number of the last transaction of a position in the only domain."""
    return int(str(position).rpartition("-")[2])


def test_what_was_acknowledged_survives_a_primary_that_is_killed_while_it_writes(
    pair: FailoverPair, books: Books
) -> None:
    writers = Writers(books)
    with writers.writing():
        for _ in range(3):
            before = pair.primary
            pair.await_step()
            writers.await_more()
            pair.fail_over()
            assert pair.primary is not before
        writers.await_more()
    pair.await_step()
    assert writers.acknowledged <= books.entries(pair.primary)
    assert books.entries(pair.primary) == books.entries(pair.replica)


def test_what_was_acknowledged_survives_a_planned_switch(pair: FailoverPair, books: Books) -> None:
    writers = Writers(books)
    with writers.writing():
        pair.await_step()
        writers.await_more()
        pair.switch_over()
        writers.await_more()
    pair.await_step()
    assert writers.acknowledged <= books.entries(pair.primary)
    assert books.entries(pair.primary) == books.entries(pair.replica)


def test_a_commit_that_the_replica_does_not_have_is_not_acknowledged_and_does_not_come_back(
    pair: FailoverPair, books: Books
) -> None:
    writers = Writers(books)
    with writers.writing():
        pair.await_step()
        writers.await_more()
        pair.replica.administrate("STOP SLAVE IO_THREAD")
        until(lambda: last(pair.primary.position()) > last(pair.replica.replication()["Gtid_IO_Pos"]), "a commit waits")
        pair.fail_over()
        writers.await_more()
    pair.await_step()
    assert writers.acknowledged <= books.entries(pair.primary)
    assert books.entries(pair.primary) == books.entries(pair.replica)
    assert writers.attempted - books.entries(pair.primary)


def test_without_the_wait_for_the_replica_acknowledged_commits_are_lost() -> None:
    with failover_pair() as pair:
        books = Books.opened(pair)
        pair.administrate("SET GLOBAL rpl_semi_sync_master_enabled = OFF")
        writers = Writers(books)
        with writers.writing():
            writers.await_more()
            pair.replica.administrate("STOP SLAVE IO_THREAD")
            writers.await_more()
            pair.kill()
        pair.take_over()
        assert writers.acknowledged - books.entries(pair.primary)
