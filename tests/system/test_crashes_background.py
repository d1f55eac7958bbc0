"""The exchanger dies while it puts right what was left: a lease without an intent, a recovery, a Revoke begun."""

import contextlib
from pathlib import Path

import pymysql
import pytest

from tests.support.clients import READ, refusal, token_of
from tests.support.crashing import EXCHANGER, Crash, again, reached, spool
from tests.support.database_server import DatabaseServer
from tests.support.processes import child, is_running, kill
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

OPENED = "recovery.after_open"
SETTLED = "recovery.before_settle"
RECONCILER = ("reconcile.after_stage", "reconcile.after_delete")
A_DAY = {"seconds": 86_400}
DIRECTORY = "spool.before_intent_name_sync"
EARLIER = 20 * 1_000_000


def has_died_at(service: Service, point: str, victim: int) -> None:
    """See the exchanger come to the point and die, and another take its place."""
    until(lambda: reached(service.dev, point), f"it comes to {point}")
    until(lambda: not is_running(victim), "the process is gone")
    assert child(service.dev.process.pid, EXCHANGER) != victim


def test_a_death_before_an_intents_name_is_synced_spends_nothing() -> None:
    with running_service(MMT_FAILPOINTS=f"{DIRECTORY}=kill") as service:
        crash = Crash(service, DIRECTORY, child(service.dev.process.pid, EXCHANGER), dies_by_itself=True)
        account = someone("account")
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id

        crash.during(lambda: service.write.resolve(token_id, min_validity=A_DAY))

        until(lambda: '"attempt_in_doubt"' in service.dev.logs(), "nobody can say that it was not sent")
        assert token_of(again(lambda: service.write.resolve(token_id))) == tokens.access_token
        assert service.books("coinbase", account)["refreshes"] == 0


@pytest.mark.parametrize(
    ("begun", "settled"),
    [("refresh.after_lease", "unrecorded.after_settle"), ("refresh.before_commit", "settle.before_commit")],
)
def test_a_death_while_what_an_earlier_life_has_begun_is_settled_spends_no_token_twice(
    tmp_path: Path, begun: str, settled: str
) -> None:
    with running_service(tmp_path, expect_exit=None, MMT_FAILPOINTS=f"{begun}=sleep:60") as service:
        account = someone("account")
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id
        assert service.write.resolve(token_id, min_validity=A_DAY).generation == 1
        until(lambda: reached(service.dev, begun), "the refresh is under way")
        exchanger = child(service.dev.process.pid, EXCHANGER)
        kill(service.dev.process.pid)
        service.dev.process.wait()
        kill(exchanger)
    with running_service(tmp_path, MMT_FAILPOINTS=f"{settled}=kill") as service:
        assert reached(service.dev, settled)
        token = token_of(again(lambda: service.write.resolve(token_id, min_validity=A_DAY)))
        assert service.is_live("coinbase", account, token)
        assert token != tokens.access_token
        books = service.books("coinbase", account)
        assert (books["refreshes"], books["reuses"]) == (1, 0)
        assert '"attempt_in_doubt"' not in service.dev.logs()


def test_a_death_in_a_recovery_that_it_has_opened_holds_nobodys_leases_back(mariadb: DatabaseServer) -> None:
    urls = {"MMT_DATABASE_URL": mariadb.fresh_database(), "MMT_LEDGER_URL": mariadb.fresh_database()}
    with running_service(MMT_FAILPOINTS=f"{OPENED}=kill", **urls) as service:
        victim = child(service.dev.process.pid, EXCHANGER)
        lose_connections(mariadb, *urls.values())
        has_died_at(service, OPENED, victim)
        leases_again(service)


def test_a_death_before_anybody_knows_what_is_settled_holds_nobodys_leases_back() -> None:
    with running_service(MMT_FAILPOINTS=f"{SETTLED}=kill") as service:
        # Every start takes part in the newest recovery: this one has died there, and another has done it.
        assert reached(service.dev, SETTLED)
        ends = [line for line in service.dev.logs().splitlines() if '"event":"child_ended"' in line]
        assert ['"role":"exchanger"' in line for line in ends] == [True]
        leases_again(service)


def leases_again(service: Service) -> None:
    """See a token refreshed, once, and the recovery settled."""
    account = someone("account")
    tokens = service.tokens("coinbase", account, seconds=3000)
    token_id = again(lambda: service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens)).token_id

    def is_refreshed() -> bool:
        answer = again(lambda: service.write.resolve(token_id, min_validity=A_DAY))
        return token_of(answer) != tokens.access_token

    until(is_refreshed, "leases are taken again")
    assert '"event":"recovery_settled"' in service.dev.logs()
    books = service.books("coinbase", account)
    assert (books["refreshes"], books["reuses"]) == (1, 0)


def lose_connections(server: DatabaseServer, *urls: str) -> None:
    """End all connections to some databases, as a failover does; those of other installations stay."""
    names = {name_of(url) for url in urls}
    for number, name in server.administrate("SELECT id, db FROM information_schema.processlist"):
        if name in names:
            # One may have ended by itself meanwhile.
            with contextlib.suppress(pymysql.err.OperationalError):
                server.administrate(f"KILL {number}")


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize("point", RECONCILER)
def test_a_death_in_the_reconciler_leaves_a_begun_revoke_to_be_finished(mariadb: DatabaseServer, point: str) -> None:
    database, ledger = mariadb.fresh_database(), mariadb.fresh_database()
    env = {"MMT_DATABASE_URL": database, "MMT_LEDGER_URL": ledger}
    with running_service(MMT_FAILPOINTS=f"revoke.after_ledger=kill,{point}=kill", **env) as service:
        victim = child(service.dev.process.pid, EXCHANGER)
        token_id, account = service.connected("uphold")
        refusal(lambda: service.write.revoke(token_id))
        assert reached(service.dev, "revoke.after_ledger")
        # Its caller never asks again, and has been waited for long enough.
        name = name_of(ledger)
        mariadb.administrate(f"UPDATE {name}.revocation SET position = position - {EARLIER}")  # noqa: S608  # our own name
        has_died_at(service, point, victim)

        until(lambda: not service.books("uphold", account)["live"], "the exchange is told")
        until(lambda: not spool(service.dev.state_dir), "nothing is left to do")
        assert refusal(lambda: again(lambda: service.write.resolve(token_id))).reason == "TOKEN_NOT_FOUND"
        rows = f"SELECT COUNT(*) FROM {database.partition('?')[0].rpartition('/')[2]}.token"  # noqa: S608  # our own name
        assert mariadb.administrate(rows) == ((0,),)
