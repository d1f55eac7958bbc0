"""A refusal that explains nothing is told apart from one that does, and a ban from a limit."""

import json

import pytest

from mmt_grpc.domain.ports.providers import ProviderError
from mmt_grpc.providers.classification import CODE, LOGIN, LOOKUP, REFRESH, Rules, is_unexplained
from mmt_grpc.providers.message import Answer
from tests.providers.acme import error_of, integration, refresh
from tests.support.http_script import Act, ScriptedServer, says


def answer(status: int, error: str | None = None) -> Answer:
    return Answer(status, {}, json.dumps({} if error is None else {"error": error}).encode())


@pytest.mark.parametrize(
    ("rules", "status", "error"),
    [(REFRESH, 400, None), (REFRESH, 401, "odd"), (REFRESH, 403, None), (CODE, 401, None), (LOOKUP, 400, None)],
)
def test_a_refusal_that_no_rule_knows_is_unexplained(rules: Rules, status: int, error: str | None) -> None:
    assert is_unexplained(answer(status, error), rules)


@pytest.mark.parametrize(
    ("rules", "status", "error"),
    [
        (REFRESH, 401, "invalid_client"),
        (REFRESH, 401, "invalid_grant"),
        (REFRESH, 400, "temporarily_unavailable"),
        (REFRESH, 400, "slow_down"),
        (REFRESH, 404, None),
        (REFRESH, 429, None),
        (REFRESH, 418, None),
        (REFRESH, 503, None),
        (REFRESH, 500, None),
        (LOGIN, 401, None),
        (LOOKUP, 401, None),
    ],
)
def test_whatever_else_is_not(rules: Rules, status: int, error: str | None) -> None:
    assert not is_unexplained(answer(status, error), rules)


def refused(act: Act) -> ProviderError:
    with ScriptedServer(act) as server:
        return error_of(lambda: refresh(integration(server.url)))


def test_the_error_says_which_it_was() -> None:
    unexplained, banned, limited = refused(says(401)), refused(says(418)), refused(says(429))

    assert (unexplained.unexplained, unexplained.banned, unexplained.rate_limited) == (True, False, False)
    assert (banned.unexplained, banned.banned, banned.rate_limited) == (False, True, True)
    assert (limited.unexplained, limited.banned, limited.rate_limited) == (False, False, True)
