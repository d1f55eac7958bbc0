"""What `mmt token` takes for said where an option is left out or empty."""

from collections.abc import Callable
from typing import Any

import click
import pytest

from mmt_grpc.cli.grants import grant_of
from mmt_grpc.cli.parameters import SECRET_OR_NONE
from mmt_grpc.domain.model import AuthorizationCode, SessionGrant
from mmt_grpc.domain.secret import Secret
from tests.cli.running import answer, run_on
from tests.cli.test_grant_arguments import NOTHING
from tests.support.dev import RunningDev


def connected(dev: RunningDev, integration: str, user: str) -> str:
    made = dev.control("authorizations", {"integration": integration, "account": user, "scope": "read"})
    told: dict[str, Any] = answer(
        run_on(
            dev, "token", "connect", "--integration", integration, "--end-user-id", user, "--scope", "read",
            "--code", made["code"], "--redirect-uri", made["redirect_uri"], "--code-verifier", made["code_verifier"],
            "--json",
        )
    )  # fmt: skip
    token_id: str = told["token_id"]
    return token_id


def test_a_code_is_connected_with_the_empty_verifier_that_its_exchange_names(
    shared_dev: RunningDev, someone: Callable[[], str]
) -> None:
    asked = {"integration": "uphold", "account": someone(), "scope": "read"}
    assert shared_dev.control("authorizations", asked)["code_verifier"] == ""

    assert len(connected(shared_dev, "uphold", someone())) == 36


def test_an_empty_verifier_is_none_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_VERIFIER", "")
    for given in ("", "env:EMPTY_VERIFIER", "text:"):
        assert SECRET_OR_NONE.convert(given, None, None) == Secret("")

    empty = {"code_verifier": Secret("")}
    assert grant_of(NOTHING | {"code": Secret("c")} | empty) == AuthorizationCode(Secret("c"), "", Secret(""))
    assert grant_of(NOTHING | {"session": Secret("s")} | empty) == SessionGrant(Secret("s"), None)


def test_a_verifier_whose_variable_is_not_there_is_not_taken_for_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_VERIFIER", raising=False)
    with pytest.raises(click.BadParameter, match="is not set"):
        SECRET_OR_NONE.convert("env:NO_SUCH_VERIFIER", None, None)


def test_who_names_no_required_scope_asks_for_reading(shared_dev: RunningDev, someone: Callable[[], str]) -> None:
    token_id = connected(shared_dev, "coinbase", someone())

    assert answer(run_on(shared_dev, "token", "resolve", "--token-id", token_id, "--json"))["scope"] == "read"
    allowed = answer(run_on(shared_dev, "token", "check-scope", "--token-id", token_id, "--json"))
    assert allowed == {"allowed": True, "granted_scope": "read"}
