"""Rows that come back under a living service, by a restore or a failover: what was revoked stays refused."""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.clients import refusal, token_of
from tests.support.database_server import DatabaseServer
from tests.support.mariadb import private_mariadb
from tests.support.processes import child
from tests.support.service import Service, running_service
from tests.support.waiting import until


@dataclass(frozen=True)
class Installation:
    """A service on a server that tests may turn back; both databases' names."""

    service: Service
    server: DatabaseServer
    database: str
    ledger: str

    def count(self, sql: str) -> object:
        ((number,),) = self.server.administrate(f"SELECT {sql}")
        return number

    @property
    def rows(self) -> object:
        """How many tokens the database holds."""
        return self.count(f"COUNT(*) FROM {self.database}.token")  # our own name

    def back_up(self) -> None:
        self.server.administrate(
            f"CREATE TABLE {self.database}.backup AS SELECT * FROM {self.database}.token"  # noqa: S608  # as above
        )

    def put_rows_back(self) -> None:
        self.server.administrate(
            f"INSERT IGNORE INTO {self.database}.token SELECT * FROM {self.database}.backup"  # noqa: S608  # as above
        )

    def refuses_as_unknown(self, token_id: str) -> None:
        """Hold that every question about a token is answered like one about a token that never was, byte for byte."""
        for ask in (self.service.write.resolve, self.service.write.check_scope):
            revoked, unknown = refusal(lambda: ask(token_id)), refusal(lambda: ask(str(uuid.uuid4())))  # noqa: B023  # at once
            assert revoked.reason == "TOKEN_NOT_FOUND"
            assert (revoked.code, revoked.sentence, revoked.trailers) == (
                unknown.code,
                unknown.sentence,
                unknown.trailers,
            )

    @contextlib.contextmanager
    def exchanger_held(self) -> Iterator[None]:
        """Stop the exchanger for the length of the block: it would delete what comes back, and workers are alone."""
        pid = child(self.service.dev.process.pid, "exchanger")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def worker_says(service: Service, event: str) -> bool:
    """Whether a worker has logged an event."""
    lines = service.dev.logs().splitlines()
    return any(f'"event":"{event}"' in line and '"process":"worker-' in line for line in lines)


def named(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@contextlib.contextmanager
def installed(server: DatabaseServer, state_dir: Path) -> Iterator[Installation]:
    """A service whose workers know from their start how far the database had followed the ledger."""
    urls = {"MMT_DATABASE_URL": server.fresh_database(), "MMT_LEDGER_URL": server.fresh_database()}
    database, ledger = named(urls["MMT_DATABASE_URL"]), named(urls["MMT_LEDGER_URL"])
    with running_service(state_dir, **urls) as service:
        service.write.revoke(service.connected()[0])
        first = Installation(service, server, database, ledger)
        until(
            lambda: first.count(f"ledger_head FROM {database}.installation"), "the position is remembered"
        )  # our own name
    with running_service(state_dir, **urls) as service:
        yield Installation(service, server, database, ledger)


def test_a_restore_under_living_connections_brings_no_revoked_token_back(
    mariadb: DatabaseServer, tmp_path: Path
) -> None:
    with installed(mariadb, tmp_path) as installation:
        service = installation.service
        revoked, _ = service.connected("uphold")
        kept, _ = service.connected("uphold")
        installation.back_up()
        service.write.revoke(revoked)
        with installation.exchanger_held():
            installation.put_rows_back()
            assert token_of(service.write.resolve(revoked)), "the row is whole, and nothing says yet that it is older"

            mariadb.administrate(f"UPDATE {installation.database}.installation SET ledger_head = 0")  # noqa: S608  # our own name
            until(lambda: worker_says(service, "database_is_older"), "the worker looks at the database")
            installation.refuses_as_unknown(revoked)
            assert installation.rows == 2, "the row is there all the time"
            assert token_of(service.write.resolve(kept)), "nobody else is refused"

            ledger = installation.ledger
            mariadb.administrate(f"RENAME TABLE {ledger}.revocation TO {ledger}.away")
            for token_id in (kept, revoked):
                answer = refusal(lambda: service.write.resolve(token_id))  # noqa: B023  # called at once
                assert answer.reason == "STORE_UNAVAILABLE"
                assert answer.retry_after
            mariadb.administrate(f"RENAME TABLE {ledger}.away TO {ledger}.revocation")
            assert token_of(service.write.resolve(kept))
        until(lambda: installation.rows == 1, "the exchanger deletes it again")
        installation.refuses_as_unknown(revoked)
        assert token_of(service.write.resolve(kept))


def test_the_first_call_after_an_outage_that_took_a_revoke_back_is_refused(tmp_path: Path) -> None:
    with private_mariadb() as server, installed(server, tmp_path) as installation:
        service = installation.service
        revoked, _ = service.connected("uphold")
        kept, _ = service.connected("uphold")
        installation.back_up()
        service.write.revoke(revoked)
        with installation.exchanger_held():
            server.kill()
            server.start()
            installation.put_rows_back()
            installation.refuses_as_unknown(revoked)
            assert installation.rows == 2, "the row is there all the time"
            assert token_of(service.write.resolve(kept)), "nobody else is refused"
        until(lambda: installation.rows == 1, "the exchanger deletes it again")
        until(lambda: worker_says(service, "revivals_ruled_out"), "the doubt ends")
        assert token_of(service.write.resolve(kept))


def test_another_installations_database_answers_nobody(tmp_path: Path, mariadb: DatabaseServer) -> None:
    with installed(mariadb, tmp_path) as installation:
        service, name = installation.service, installation.database
        token_id, _ = service.connected("uphold")
        ours = mariadb.administrate(f"SELECT HEX(installation_id) FROM {name}.installation")[0][0]  # noqa: S608  # our own name

        def become(identity: object) -> None:
            mariadb.administrate(f"UPDATE {name}.installation SET installation_id = X'{identity}'")  # noqa: S608  # our own name

        become("00" * 16)
        until(lambda: worker_says(service, "database_is_another"), "the worker looks at the database")
        for ask in (service.write.resolve, service.write.check_scope):
            answer = refusal(lambda: ask(token_id))  # noqa: B023  # called at once
            assert answer.reason == "STORE_UNAVAILABLE"
            assert answer.retry_after

        become(ours)
        until(lambda: worker_says(service, "database_is_back"), "the worker looks at the database")
        assert token_of(service.write.resolve(token_id))
