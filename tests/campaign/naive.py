"""The naive way, killed in the same way: what it loses is what the real one's zero is worth."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

import httpx2
import pymysql

from tests.campaign.exchange import Exchange
from tests.campaign.notary import Notary, digest
from tests.support.database_server import PASSWORD, DatabaseServer
from tests.support.dev import environment
from tests.support.tree import ROOT
from tests.support.waiting import until

_TABLE = (
    "CREATE TABLE naive (account VARBINARY(200) PRIMARY KEY, access VARBINARY(200), renewal VARBINARY(200), "
    "expires_at DOUBLE)"
)
_ROTATING = 3
_LIFE = 0.3
"""Seconds that the process goes on after so many rotations, at most."""


@dataclass(frozen=True)
class NaiveOutcome:
    """`lost`: accounts whose stored refresh token the exchange's books do not know as alive."""

    kills: int
    rotations: int
    lost: int


def run_naive(
    database: DatabaseServer, exchange: Exchange, notary: Notary, *, tokens: int, kills: int, seed: int
) -> NaiveOutcome:
    """Let a process refresh `tokens` tokens without lease or spool, kill it so often, and count what is lost."""
    url = database.fresh_database()
    _, door = notary.open_door()
    with contextlib.closing(connection(url)) as rows, rows.cursor() as cursor:
        cursor.execute(_TABLE)
        for number in range(tokens):
            given = _first_tokens(exchange, notary, door, f"naive-{seed}-{number}")
            cursor.execute("INSERT INTO naive VALUES (%s, %s, %s, %s)", given)
    before = len(notary.refreshes())
    chance = random.Random(seed)
    for _ in range(kills):
        with _working(url, door + exchange.token_path):
            enough = notary.committed + _ROTATING
            until(lambda enough=enough: notary.committed >= enough, "tokens rotate")  # type: ignore[misc]  # bound
            time.sleep(_LIFE * chance.random())
    books = exchange.books()
    with contextlib.closing(connection(url)) as rows, rows.cursor() as cursor:
        cursor.execute("SELECT account, renewal FROM naive")
        stored = {account.decode(): digest(renewal.decode()) for account, renewal in cursor.fetchall()}
    lost = [account for account, kept in stored.items() if kept not in books[account]["live"]]
    return NaiveOutcome(kills, len(notary.refreshes()) - before, len(lost))


def connection(url: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Open a database by the URL of the tests' servers."""
    path, _, query = url.partition("?")
    return pymysql.connect(
        unix_socket=parse_qs(query)["unix_socket"][0],
        user="mmt",
        password=PASSWORD,
        database=path.rpartition("/")[2],
        autocommit=True,
        ssl_disabled=True,
    )


@contextlib.contextmanager
def _working(url: str, token_url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.campaign.naive_worker", url, token_url]
    with subprocess.Popen(command, cwd=ROOT, env=environment({}), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


def _first_tokens(exchange: Exchange, notary: Notary, door: str, account: str) -> tuple[object, ...]:
    code: Mapping[str, str] = exchange.authorize(account, 0.1)
    notary.announce(code["code"], account)
    form = {
        **{name: value for name, value in code.items() if value},
        "grant_type": "authorization_code",
        "client_id": f"sandbox-{exchange.name}",
        "client_secret": f"sandbox-{exchange.name}-secret",
    }
    with httpx2.Client(trust_env=False, timeout=30) as client:
        given = client.post(door + exchange.token_path, data=form).raise_for_status().json()
    return account, given["access_token"], given["refresh_token"], 0.0
