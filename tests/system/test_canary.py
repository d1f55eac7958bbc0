"""Secrets planted everywhere are found nowhere; and one that leaks anywhere would be found."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import http_script, places
from tests.support.canaries import Canaries
from tests.support.database_server import PASSWORD, DatabaseServer
from tests.support.drill import Drill
from tests.support.http_script import ScriptedServer, says
from tests.support.service import running_service
from tests.support.waiting import until

RAISING = ("connect.after_spool=raise", "refresh.after_answer=raise,revoke.after_ledger=raise")


@pytest.fixture
def exchange() -> Iterator[ScriptedServer]:
    """An exchange that answers with secrets in bodies that cannot be read."""
    torn = b'{"access_token": "canaryInTornAnswer0123456789", "refresh_token": "canaryInTorn'
    with ScriptedServer(
        says(200, torn), says(400, torn), says(500, {"error": "canaryInTornAnswer0123456789"}), http_script.hangs_up
    ) as server:
        yield server


def drilled(canaries: Canaries, state_dir: Path, env: dict[str, str]) -> Iterator[tuple[Drill, dict[str, bytes]]]:
    """Run one installation after the other on a directory: as it is, then with bugs in each verb."""
    drills: list[Drill] = []
    runs = [{"MMT_LOG__FORMAT": "json"}, *({"MMT_LOG__FORMAT": "console", "MMT_FAILPOINTS": bug} for bug in RAISING)]
    for run in runs:
        with running_service(
            state_dir, **env, **run, MMT_LOG__LEVEL="debug", MMT_METRICS_LISTEN="127.0.0.1:0"
        ) as service:
            for scope, key in service.dev.api_keys.items():
                canaries.add(f"MMT key {scope}", key)
                canaries.add(f"MMT secret {scope}", key[-20:])
            drills.append(drill := Drill(service, canaries))
            if "MMT_FAILPOINTS" in run:
                drill.bugs()
                assert "FailpointError" in service.dev.logs()
            else:
                drill.everything()
            told = {"told": b"\n".join(drill.told), "commands": service.mmt("api-keys", "list").encode()}
            alive = places.processes(places.family(service.dev))
            yield drill, {**told, **alive, **places.metrics(service.dev), **places.files(state_dir)}
    assert len(drills) == len(runs)
    yield drills[-1], {**places.files(state_dir)}


def test_no_secret_is_found_anywhere_on_sqlite(tmp_path: Path, exchange: ScriptedServer) -> None:
    canaries = Canaries()
    canaries.add("torn answer", "canaryInTornAnswer0123456789")
    env = acme(canaries, exchange)
    state_dir = tmp_path / "state"
    last: dict[str, bytes] = {}
    for drill, found in drilled(canaries, state_dir, env):
        assert canaries.found(found) == []
        last = found
        assert drill.told
    canaries.add_key("root key", (state_dir / "root.key").read_bytes().strip())
    assert canaries.found(last) == []
    assert {"file mmt.db", "file ledger.db", "file dev.log"} <= last.keys()
    assert any(name.startswith("file audit/") for name in last)


def test_no_secret_is_found_anywhere_on_mariadb(
    tmp_path: Path, exchange: ScriptedServer, mariadb: DatabaseServer
) -> None:
    canaries = Canaries()
    urls = mariadb.fresh_database(), mariadb.fresh_database()
    canaries.add("database password", f"mmt:{PASSWORD}")
    env = acme(canaries, exchange) | {"MMT_DATABASE_URL": urls[0], "MMT_LEDGER_URL": urls[1]}
    for _, found in drilled(canaries, tmp_path / "state", env):
        assert canaries.found({**found, **places.tables(mariadb, *urls)}) == []


def acme(canaries: Canaries, exchange: ScriptedServer) -> dict[str, str]:
    """The settings of an integration whose own client has a secret to lose."""
    return {
        "MMT_PROVIDERS__ACME__TOKEN_URL": f"{exchange.url}/token",
        "MMT_PROVIDERS__ACME__CLIENT_ID": "acme",
        "MMT_PROVIDERS__ACME__CLIENT_SECRET": canaries.token("client secret"),
    }


def test_a_leak_into_any_place_would_be_found(tmp_path: Path) -> None:
    state_dir, canaries = tmp_path / "state", Canaries()
    secret = canaries.mint("leak")
    with running_service(state_dir, MMT_METRICS_LISTEN="127.0.0.1:0") as service:
        service.connected()
        assert canaries.found(places.files(state_dir)) == []
        for name in ("dev.log", "spool/x.record", "audit/x.jsonl", "metrics/x.db"):
            path = state_dir / name
            with path.open("ab") as file:
                before = file.tell()
                file.write(secret.encode())
            assert canaries.found(places.files(state_dir)), f"a leak into {name} is not found"
            with path.open("ab") as file:
                file.truncate(before)
        assert canaries.found(places.files(state_dir)) == []
        places.leak_into_sqlite(state_dir / "mmt.db", secret)
        found = {finding.place for finding in canaries.found(places.files(state_dir))}
        assert found & {"file mmt.db", "file mmt.db-wal"}
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    for argv, env in (([*command, secret], {}), (command, {"LEAK": secret})):
        with subprocess.Popen(argv, env=env, stdin=subprocess.PIPE) as process:
            until(lambda pid=process.pid: canaries.found(places.processes([pid])), "the leak is found")  # type: ignore[misc]  # bound


def test_a_leak_into_a_table_or_an_answer_would_be_found(mariadb: DatabaseServer) -> None:
    canaries, url = Canaries(), mariadb.fresh_database()
    secret = canaries.token("leak")
    name = url.partition("?")[0].rpartition("/")[2]
    mariadb.administrate(f"CREATE TABLE {name}.t (b VARBINARY(200))", f"INSERT INTO {name}.t VALUES ('{secret}')")  # noqa: S608  # our own names
    assert canaries.found(places.tables(mariadb, url))
    assert canaries.found({"told": repr(("INTERNAL", f"failed on {secret}", ())).encode()})


@pytest.mark.parametrize("secret", ["plain-and-long-enough", 'q"u\\o+t/e=d é~ secret'])
def test_a_secret_is_recognised_in_every_form(secret: str) -> None:
    canaries = Canaries()
    canaries.add("secret", secret)
    for text in (
        secret.encode(),
        json.dumps({"a": secret}).encode(),
        urllib.parse.urlencode({"a": secret}).encode(),
        b"x" + secret.encode().hex().encode(),
        repr(secret.encode()).encode(),
        *(base64.b64encode(b"x" * shift + secret.encode() + b"y" * 4) for shift in range(6)),
        *(base64.urlsafe_b64encode(b"x" * shift + secret.encode() + b"y" * 4) for shift in range(6)),
    ):
        assert canaries.found({"place": b"before " + text + b" after"}), text
