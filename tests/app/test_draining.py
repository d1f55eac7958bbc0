"""What a replica that will not come back left on its disk is settled by command."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.clients import READ, Refused
from tests.support.processes import child, kill
from tests.support.service import Service, ended, running_service
from tests.support.waiting import until

POINT = "spool.after_answer"


@pytest.fixture
def stopped() -> Iterator[tuple[Service, str]]:
    """An installation that was killed with a provider's answer on its disk and not in its database."""
    with running_service(expect_exit=None, MMT_FAILPOINTS=f"{POINT}=sleep:120") as service:
        token_id, _ = service.expired()

        def resolve() -> None:
            # It is never answered: its replica dies.
            with service.caller(service.dev.api_keys["write"]) as caller, pytest.raises(Refused):
                caller.resolve(token_id, READ)

        asking = threading.Thread(target=resolve)
        asking.start()
        until(lambda: f'"point":"{POINT}"' in service.dev.logs(), "the failpoint is reached")
        exchanger = child(service.dev.process.pid, "exchanger")
        os.kill(service.dev.process.pid, signal.SIGKILL)
        kill(exchanger)
        service.dev.process.wait()
        asking.join()
        yield service, token_id


def run(service: Service, *arguments: str) -> tuple[int, str]:
    done = ended("--config", str(service.dev.config), *arguments)
    return done.returncode, done.stdout + done.stderr


def status(service: Service, token_id: str) -> str:
    arguments = ("--client-id", service.dev.client_id, "--token-id", token_id, "--json")
    return run(service, "token", "status", *arguments)[1]


def test_an_answer_that_only_the_disk_knows_is_committed(stopped: tuple[Service, str]) -> None:
    service, token_id = stopped
    assert '"state": "refreshing"' in status(service, token_id)

    code, said = run(service, "spool", "drain", "--state-dir", str(service.dev.state_dir))

    assert (code, "The spool is drained." in said) == (0, True), said
    told = status(service, token_id)
    assert '"state": "active"' in told
    assert '"generation": 2' in told


def test_an_answer_that_the_disk_does_not_give_back_is_left_and_named_until_it_does(
    stopped: tuple[Service, str],
) -> None:
    service, token_id = stopped
    drain = ("spool", "drain", "--state-dir", str(service.dev.state_dir))
    (record,) = (service.dev.state_dir / "spool").glob("attempt-*.record")
    kept = record.rename(record.with_suffix(".kept"))
    record.mkdir()  # what answers an error to whoever reads it, root included

    code, said = run(service, *drain)

    assert (code, record.name in said) == (1, True), said
    assert '"state": "in_doubt"' in status(service, token_id)
    record.rmdir()
    kept.rename(record)
    assert run(service, *drain)[0] == 0
    assert '"generation": 2' in status(service, token_id)


def test_a_replica_that_runs_is_not_drained() -> None:
    with running_service() as service:
        code, said = run(service, "spool", "drain", "--state-dir", str(service.dev.state_dir))

    assert code == 1
    assert "another replica runs" in said


def test_a_replica_whose_commit_a_failover_could_take_back_is_forgotten_ten_minutes_later(
    stopped: tuple[Service, str],
) -> None:
    service, _ = stopped
    drain = ("spool", "drain", "--state-dir", str(service.dev.state_dir))
    owner = (service.dev.state_dir / "lock").read_bytes().hex()

    code, said = run(service, *drain)

    assert (code, f"{owner} stays registered" in said) == (0, True), said
    assert owner in run(service, "replicas", "list")[1]
    with closing(sqlite3.connect(service.dev.database)) as database, database:
        database.execute("UPDATE replica SET seen_at = seen_at - 600000000")
    code, said = run(service, *drain)
    assert (code, f"{owner} is forgotten" in said) == (0, True), said
    assert "No replica has run" in run(service, "replicas", "list")[1]
