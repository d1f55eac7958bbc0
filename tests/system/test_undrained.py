"""A replica that is told to end while its database is away says that it has not drained, and loses nothing by it."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.clients import READ, Refused, token_of
from tests.support.crashing import reached, spool
from tests.support.mariadb import private_mariadb
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

POINT = "spool.after_answer"
ASLEEP = 8
"""Seconds between an answer's fsync and its commit: long enough for a database to go."""
A_DAY = {"seconds": 86_400}


def ask(service: Service, token_id: str) -> None:
    """Ask for a refreshed token; the process may be gone before it is there."""
    try:
        service.write.resolve(token_id, min_validity=A_DAY)
    except Refused:
        return


def test_a_sigterm_while_the_database_is_away_says_so_and_the_next_start_commits_the_answer(tmp_path: Path) -> None:
    with private_mariadb() as server, ThreadPoolExecutor(1) as pool:
        urls = {"MMT_DATABASE_URL": server.fresh_database(), "MMT_LEDGER_URL": server.fresh_database()}
        with running_service(tmp_path, expect_exit=1, MMT_FAILPOINTS=f"{POINT}=sleep:{ASLEEP}", **urls) as service:
            account = someone("account")
            tokens = service.tokens("coinbase", account, seconds=3000)
            token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id
            asking = pool.submit(ask, service, token_id)
            until(lambda: reached(service.dev, POINT), "the answer is on the disk")
            server.kill()
            service.dev.process.send_signal(signal.SIGTERM)

            assert service.dev.process.wait(60) == 1
            asking.result()
        assert '"event":"spool_not_drained"' in service.dev.logs()
        assert [name.partition("-")[0] for name in spool(tmp_path)] == ["attempt"]

        server.start()
        with running_service(tmp_path, **urls) as service:
            answer = service.write.resolve(token_id)
            assert answer.generation == 2
            assert token_of(answer) != tokens.access_token
            assert service.is_live("coinbase", account, token_of(answer))
            books = service.books("coinbase", account)
            assert (books["refreshes"], books["reuses"]) == (1, 0)
