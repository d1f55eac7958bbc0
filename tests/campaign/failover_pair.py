"""Two MariaDB servers of which one takes over from the other, with every commit that was acknowledged.

Replication is semi-synchronous, with AFTER_SYNC: a commit is acknowledged, and seen by others, only once the replica
has it in its relay log, and the primary waits for that for as long as it takes. What a killed primary had written to
its binary log and nobody had acknowledged is cut off where it comes back as a replica (`--init-rpl-role=SLAVE`).
Clients reach whichever is primary through one symbolic link to its socket.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pymysql
from pymysql.cursors import DictCursor

from tests.support.database_server import DatabaseServer, own_folder, server_folder, url_through
from tests.support.mariadb import copy_data, install, server_command
from tests.support.waiting import until

_PORT: Final = 3306
_REPLICATOR: Final = "replicator"
_PASSWORD: Final = "only-for-tests"
_NEVER: Final = 24 * 3600 * 1000
"""Milliseconds after which a primary would acknowledge what its replica has not: longer than any campaign."""
_CATCH_UP_LIMIT: Final = 120.0
_REPLICATED: Final = (
    "--skip-networking=0",
    f"--port={_PORT}",
    "--log-bin=binlog",
    "--relay-log=relay",
    "--log-slave-updates",
    "--binlog-format=ROW",
    "--sync-binlog=1",
    "--gtid-strict-mode=ON",
    "--skip-slave-start",
    "--rpl-semi-sync-slave-enabled=ON",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
    f"--rpl-semi-sync-master-timeout={_NEVER}",
    # Commits that wait for the replica keep their connections, whatever their clients do.
    "--max-connections=400",
)
_AS_PRIMARY: Final = ("--init-rpl-role=MASTER", "--rpl-semi-sync-master-enabled=ON")
# A replica that waited for a replica of its own would apply nothing.
_AS_REPLICA: Final = ("--init-rpl-role=SLAVE", "--rpl-semi-sync-master-enabled=OFF", "--read-only=ON")
_FATAL_READ_ERROR: Final = 1236
"""The primary does not have what the replica asks for: their histories differ."""


@dataclass(kw_only=True)
class Node(DatabaseServer):
    """One of the two; the other reaches it at an address of the loopback that is its own."""

    number: int
    address: str
    environment: Sequence[str] = ()

    def take_role(self, role: Sequence[str]) -> None:
        """Say what it is to be at its next start."""
        options = [f"--server-id={self.number}", f"--bind-address={self.address}", *_REPLICATED, *role]
        self.command = server_command(self.folder, *options, environment=self.environment)

    def follow(self, primary: Node) -> None:
        """Replicate from there on what this one does not have yet."""
        source = f"MASTER_HOST='{primary.address}', MASTER_PORT={_PORT}, MASTER_CONNECT_RETRY=1"
        login = f"MASTER_USER='{_REPLICATOR}', MASTER_PASSWORD='{_PASSWORD}'"
        self.administrate(
            "SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos",
            f"CHANGE MASTER TO {source}, {login}, MASTER_USE_GTID=slave_pos",
            "START SLAVE",
        )

    def replication(self) -> Mapping[str, object]:
        """What SHOW SLAVE STATUS says; empty for one that follows nobody."""
        connection = pymysql.connect(unix_socket=self.socket, user="root", ssl_disabled=True, cursorclass=DictCursor)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SHOW SLAVE STATUS")
            return cursor.fetchone() or {}

    def status(self, name: str) -> str:
        """One status variable."""
        return str(self.administrate(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    def position(self) -> str:
        """The last transaction of each origin in the binary log."""
        return str(self.administrate("SELECT @@gtid_binlog_pos")[0][0])

    def has_applied(self, position: str, patience: float) -> bool:
        """Wait until a replica has applied what is up to there; False if it takes longer than so many seconds."""
        return self.administrate(f"SELECT MASTER_GTID_WAIT('{position}', {patience})") == ((0,),)


class FailoverPair:
    """A primary and its replica; `process`, `kill`, `start` and `stop` are the primary's, for faults without failover.

    `primary` and `replica` change places with each failover.
    """

    def __init__(self, *, folder: Path, primary: Node, replica: Node) -> None:
        self.folder = folder
        self.primary = primary
        self.replica = replica
        self._links = itertools.count()

    @property
    def socket(self) -> str:
        """Where the primary is reached, whichever it is."""
        return str(self.folder / "primary")

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self.primary.process

    def start(self) -> None:
        self.primary.start()

    def kill(self) -> None:
        self.primary.kill()

    def stop(self) -> None:
        self.primary.stop()

    def administrate(self, *statements: str) -> Sequence[tuple[object, ...]]:
        return self.primary.administrate(*statements)

    def fresh_database(self) -> str:
        """Make an empty database and return its URL, which leads to whichever server is primary."""
        url = self.primary.fresh_database()
        return url_through(self.socket, url.partition("?")[0].rpartition("/")[2])

    def found(self) -> None:
        """Start both for the first time."""
        self.primary.take_role(_AS_PRIMARY)
        self.replica.take_role(_AS_REPLICA)
        for node in (self.primary, self.replica):
            node.start()
            node.administrate(
                "SET SESSION sql_log_bin = OFF",
                f"CREATE USER {_REPLICATOR}@'%' IDENTIFIED BY '{_PASSWORD}'",
                f"GRANT REPLICATION SLAVE ON *.* TO {_REPLICATOR}@'%'",
            )
        self.replica.follow(self.primary)
        self._point_at_primary()
        self.await_step()

    def await_step(self) -> None:
        """Wait until the replica has all that the primary has, and every commit waits for it: then a failover is safe.

        Raises `RuntimeError` where that will never be, because the histories differ.
        """
        until(self._in_step, "the replica is in step with its primary", patience=_CATCH_UP_LIMIT)
        assert self.primary.status("Rpl_semi_sync_master_no_tx") == "0", "commits were acknowledged without the replica"

    def fail_over(self) -> None:
        """Kill the primary, let the replica take over, and bring the old one back as its replica."""
        self.primary.kill()
        self.take_over()
        self.bring_back()

    def switch_over(self) -> None:
        """Swap the two as planned: no commit is under way, and none of the old one's connections outlives it."""
        self.primary.administrate("SET GLOBAL read_only = ON")
        assert self.replica.has_applied(self.primary.position(), _CATCH_UP_LIMIT), "the replica does not catch up"
        self.take_over()
        self.replica.stop()
        self.bring_back()

    def take_over(self) -> None:
        """Make the replica the primary, once it has applied all that it has received; the old one must take no writes.

        Until the old one is back no commit is acknowledged.
        """
        successor = self.replica
        successor.administrate("STOP SLAVE IO_THREAD")
        received = str(successor.replication()["Gtid_IO_Pos"])
        assert successor.has_applied(received, _CATCH_UP_LIMIT), "the replica does not apply what it has received"
        until(lambda: _has_read_all(successor), "the replica has read its relay log to the end")
        successor.administrate(
            "STOP SLAVE",
            "RESET SLAVE ALL",
            "SET GLOBAL rpl_semi_sync_master_enabled = ON",
            "SET GLOBAL read_only = OFF",
        )
        successor.take_role(_AS_PRIMARY)
        self.primary, self.replica = successor, self.primary
        self._point_at_primary()

    def bring_back(self) -> None:
        """Start a primary that was replaced as the replica of the one that has replaced it."""
        self.replica.take_role(_AS_REPLICA)
        self.replica.start()
        self.replica.follow(self.primary)

    def end(self) -> None:
        for node in (self.primary, self.replica):
            if node.process is not None and node.process.poll() is None:
                # What is left of a campaign may be a commit that waits for its replica.
                node.process.send_signal(signal.SIGCONT)
                node.kill()

    def _in_step(self) -> bool:
        state = self.replica.replication()
        if state["Last_SQL_Errno"] or state["Last_IO_Errno"] == _FATAL_READ_ERROR:
            raise RuntimeError(f"the replica cannot follow: {state['Last_SQL_Error']} {state['Last_IO_Error']}")
        if state["Slave_IO_Running"] != "Yes" or state["Slave_SQL_Running"] != "Yes":
            return False
        if self.primary.status("Rpl_semi_sync_master_clients") != "1":
            return False
        if self.primary.status("Rpl_semi_sync_master_status") != "ON":
            return False
        return self.replica.has_applied(self.primary.position(), 1.0)

    def _point_at_primary(self) -> None:
        fresh = self.folder / f"primary.{next(self._links)}"
        fresh.symlink_to(self.primary.socket)
        fresh.replace(self.socket)


def _has_read_all(replica: Node) -> bool:
    return str(replica.replication()["Slave_SQL_Running_State"]).startswith("Slave has read all relay log")


@contextlib.contextmanager
def failover_pair(*, environment: Callable[[Path], Sequence[str]] = lambda _: ()) -> Iterator[FailoverPair]:
    """Run a pair of our own, gone at the end of the block; `environment` is asked with the pair's folder."""
    with server_folder() as folder:
        variables = environment(folder)
        # Nobody else listens on these addresses, and no outgoing connection has one of their ports, as may happen at
        # 127.0.0.1 while a server is down.
        network = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
        nodes = [
            Node(own_folder(folder / name), [], number=number, address=f"{network}.{number}", environment=variables)
            for number, name in enumerate("ab", start=1)
        ]
        install(nodes[0].folder)
        copy_data(nodes[0].folder, nodes[1].folder)
        pair = FailoverPair(folder=folder, primary=nodes[0], replica=nodes[1])
        try:
            pair.found()
            yield pair
        finally:
            pair.end()
