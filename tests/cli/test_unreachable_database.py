"""A command whose database cannot be reached says where it looked and why there is no connection, in one line."""

import pytest

from tests.cli.running import run_on
from tests.support.dev import RunningDev

NOWHERE = "mysql://mmt:canary@127.0.0.1:1/mmt"


@pytest.mark.parametrize(("setting", "store"), [("MMT_DATABASE_URL", "database"), ("MMT_LEDGER_URL", "ledger")])
def test_a_database_at_which_nobody_listens_is_named(shared_dev: RunningDev, setting: str, store: str) -> None:
    result = run_on(shared_dev, "replicas", "list", **{setting: NOWHERE})

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"mmt: STORE_UNAVAILABLE: no connection to the {store} at 127.0.0.1:1:"
        " OperationalError 2003 (ConnectionRefusedError 111)\n"
    )
