"""What an exchange says of a revocation is believed only when the token turns out dead."""

import itertools

import pytest

from mmt_grpc.domain.model import BearerToken, Liveness, Upstream
from mmt_grpc.domain.ports.providers import Failure, Learn, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.revocation import Said, weigh
from tests.providers.acme import RENEWAL, integration
from tests.support.http_script import Act, ScriptedServer, hangs_up, says

CREDENTIAL = BearerToken(Secret("canary-access"))
ALIVE = says(200, {"id": "me"})
DEAD = says(401)
YES = says(200)


def revoke(
    name: str, *acts: Act, renewal: Secret | None = RENEWAL, learn: Learn = lambda _: None, **fields: object
) -> tuple[Upstream, list[str]]:
    """Revoke at a server that acts so; return the verdict and the paths with what was sent to them."""
    with ScriptedServer(*acts) as server:
        provider = integration(server.url, name=name, **fields)  # type: ignore[arg-type]  # by keyword
        upstream = provider.revoke(CREDENTIAL, renewal, learn=learn)
        sent = zip(server.heads(), server.bodies(), strict=True)
        return upstream, [f"{head[''].split(' ')[1]} {body.decode()}".strip() for head, body in sent]


@pytest.mark.parametrize(
    ("before", "renewal", "access", "after"), list(itertools.product(Liveness, Said, Said, Liveness))
)
def test_verified_means_alive_before_and_refused_after(
    before: Liveness, renewal: Said, access: Said, after: Liveness
) -> None:
    verdict = weigh(before, (renewal, access), after)

    if verdict is Upstream.REVOKED:
        assert (before, after) == (Liveness.ALIVE, Liveness.DEAD)
    if after is Liveness.ALIVE or renewal is Said.NO:
        assert verdict is Upstream.FAILED
    if verdict is Upstream.ACCEPTED:
        assert Said.YES in {renewal, access}
        assert Said.NO not in {renewal, access}
    if verdict is Upstream.UNSUPPORTED:
        assert {renewal, access} == {Said.UNSUPPORTED}


def test_the_refresh_token_goes_first_then_the_access_token() -> None:
    upstream, sent = revoke("acme", ALIVE, YES, YES, DEAD)

    client = "&client_id=our-id&client_secret=canary-client-secret"
    assert upstream is Upstream.REVOKED
    assert sent == [
        "/account",
        f"/revoke token=canary-renewal&token_type_hint=refresh_token{client}",
        f"/revoke token=canary-access&token_type_hint=access_token{client}",
        "/account",
    ]


def test_coinbase_takes_the_access_token_alone() -> None:
    upstream, sent = revoke("coinbase", ALIVE, YES, DEAD)
    assert (upstream, sent) == (Upstream.REVOKED, ["/account", "/revoke token=canary-access", "/account"])


def test_coinbase_is_not_believed_while_the_token_is_alive() -> None:
    upstream, _ = revoke("coinbase", ALIVE, YES, ALIVE)
    assert upstream is Upstream.FAILED


def test_uphold_takes_both_tokens_as_bearer_and_says_401_when_they_are_gone() -> None:
    upstream, sent = revoke("uphold", ALIVE, YES, DEAD, DEAD)
    assert upstream is Upstream.REVOKED
    assert sent == ["/account", "/revoke token=canary-renewal", "/revoke token=canary-access", "/account"]


def test_uphold_wanting_a_second_factor_is_not_a_token_that_is_gone() -> None:
    wants = says(401, {"code": "unauthorized"}, {"OTP-Token": "Required"})
    upstream, _ = revoke("uphold", ALIVE, wants, wants, DEAD)
    assert upstream is Upstream.FAILED


def test_nothing_to_ask_means_accepted_at_most() -> None:
    upstream, sent = revoke("acme", YES, account_url=None, renewal=None)
    assert (upstream, len(sent)) == (Upstream.ACCEPTED, 1)


def test_an_exchange_without_revocation_is_not_asked() -> None:
    upstream, sent = revoke("acme", YES, revoke_url=None)
    assert (upstream, sent) == (Upstream.UNSUPPORTED, [])


def test_a_kind_of_token_that_cannot_be_revoked_is_no_failure() -> None:
    unsupported = says(400, {"error": "unsupported_token_type"})
    assert revoke("acme", ALIVE, YES, unsupported, DEAD)[0] is Upstream.REVOKED
    assert revoke("acme", unsupported, account_url=None, renewal=None)[0] is Upstream.UNSUPPORTED


@pytest.mark.parametrize("act", [says(503), says(500), says(401, {"error": "invalid_client"}), says(302), hangs_up])
def test_a_refusal_or_an_outage_is_a_failure(act: Act) -> None:
    assert revoke("acme", act)[0] is Upstream.FAILED


def test_an_unreachable_exchange_is_a_failure() -> None:
    with ScriptedServer(YES) as server:
        url = server.url
    told: list[ProviderError] = []

    assert integration(url).revoke(CREDENTIAL, RENEWAL, learn=told.append) is Upstream.FAILED
    assert {error.failure for error in told} == {Failure.NOT_SENT}


def test_a_lost_answer_is_made_up_for_by_asking_again() -> None:
    upstream, sent = revoke("acme", ALIVE, hangs_up, YES, YES, DEAD)
    assert (upstream, len(sent)) == (Upstream.REVOKED, 5)


BAN = says(418, {"code": -1003}, {"Retry-After": "7200"})
LIMIT = says(429, {}, {"Retry-After": "60"})
SHUT = says(503, {}, {"Retry-After": "60"})


@pytest.mark.parametrize(
    ("acts", "requests"),
    [
        ([BAN], 1),
        ([ALIVE, BAN], 2),
        ([ALIVE, YES, BAN], 3),
        ([ALIVE, LIMIT], 2),
        ([ALIVE, YES, LIMIT], 3),
        ([ALIVE, says(429)], 2),
        ([ALIVE, SHUT], 2),
    ],
)
def test_an_exchange_that_wants_to_be_left_alone_is_sent_nothing_more(acts: list[Act], requests: int) -> None:
    told: list[ProviderError] = []
    upstream, sent = revoke("acme", *acts, learn=told.append)

    assert (upstream, len(sent), len(told)) == (Upstream.FAILED, requests, 1)


@pytest.mark.parametrize(
    ("act", "expected"), [(BAN, (True, True, 7200.0)), (LIMIT, (False, True, 60.0)), (SHUT, (False, False, 60.0))]
)
def test_what_it_asks_to_wait_for_is_told(act: Act, expected: tuple[bool, bool, float]) -> None:
    told: list[ProviderError] = []
    revoke("acme", ALIVE, YES, YES, act, learn=told.append)

    assert [error.failure for error in told] == [Failure.NOT_CONSUMED]
    assert [(error.banned, error.rate_limited, error.retry_after) for error in told] == [expected]


def test_a_limit_of_what_is_asked_before_keeps_nobody_from_revoking() -> None:
    upstream, sent = revoke("acme", LIMIT, YES, YES, DEAD)
    assert (upstream, len(sent)) == (Upstream.ACCEPTED, 4)
