"""`mmt token status` names the replicas on whose disks an outcome may lie."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.running import answer, run_on
from tests.cli.test_option_defaults import connected
from tests.support.dev import running_dev


def test_the_replicas_that_lease_a_token_and_doubt_it_are_named_as_the_list_of_replicas_names_them(
    tmp_path: Path,
) -> None:
    with running_dev(tmp_path / "dev") as dev:
        token_id = connected(dev, "coinbase", "ada")
        (replica,) = answer(run_on(dev, "replicas", "list", "--json"))
    doubter = "0f" * 16
    with closing(sqlite3.connect(dev.database)) as database, database:
        changed = database.execute(
            "UPDATE token SET state = 3, attempt_id = ?, doubt = ?, lease_owner = ?, doubt_owner = ?",
            [b"a" * 16, b"b" * 16, bytes.fromhex(replica["replica"]), bytes.fromhex(doubter)],
        )
        assert changed.rowcount == 1

    status = ("token", "status", "--client-id", dev.client_id, "--token-id", token_id)

    told = answer(run_on(dev, *status, "--json"))
    assert (told["in_doubt"], told["lease_owner"], told["doubt_owner"]) == (True, replica["replica"], doubter)
    lines = run_on(dev, *status).stdout.splitlines()
    assert [line.split()[-1] for line in lines if "owner" in line] == [replica["replica"], doubter]
