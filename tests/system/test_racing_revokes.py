"""Revoke, Connect and refresh of one token at the same time: a Revoke always wins, a Connect is never overwritten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.service import Service, someone
from tests.support.waiting import until

SLOW = 3.0
UPSTREAM_REVOKED = 1
OAUTH = ("coinbase", "uphold")


def refreshed(service: Service, account: str, integration: str, count: int = 1) -> bool:
    return bool(service.books(integration, account)["refreshes"] >= count)


@pytest.mark.parametrize("integration", OAUTH)
def test_a_revoke_while_a_refresh_is_on_its_way_ends_both_tokens_here_and_there(
    either: Service, integration: str
) -> None:
    token_id, account = either.expired(integration)
    either.fault(integration, account, "slow", seconds=SLOW, endpoint="token")
    with ThreadPoolExecutor(1) as pool:
        resolving = pool.submit(lambda: refusal(lambda: either.write.resolve(token_id)))
        until(lambda: refreshed(either, account, integration), "the exchange has refreshed, and not answered")
        assert either.write.revoke(token_id).upstream != UPSTREAM_REVOKED
        assert refusal(lambda: either.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
        assert resolving.result().reason == "TOKEN_NOT_FOUND"
    until(lambda: not either.books(integration, account)["live"], "what came late is revoked, too")
    assert refusal(lambda: either.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
    assert either.books(integration, account)["reuses"] == 0


@pytest.mark.parametrize("integration", OAUTH)
def test_a_connect_while_a_refresh_is_on_its_way_is_what_counts(either: Service, integration: str) -> None:
    user, account, other = someone(), someone("account"), someone("account")
    tokens = either.tokens(integration, account, seconds=2)
    token_id = either.write.connect(user, integration, READ, oauth_tokens=tokens).token_id
    until(either.is_past(tokens.expire_time), "the token expires")
    either.fault(integration, account, "slow", seconds=SLOW, endpoint="token")
    with ThreadPoolExecutor(1) as pool:
        resolving = pool.submit(lambda: either.write.resolve(token_id))
        until(lambda: refreshed(either, account, integration), "the exchange has refreshed, and not answered")
        code = either.code(integration, other)
        again = either.write.connect(user, integration, READ, authorization_code=code, allow_account_change=True)
        assert again.token_id == token_id
        token = token_of(either.write.resolve(token_id))
        assert either.is_live(integration, other, token)
        assert token_of(resolving.result()) == token
    for _ in range(3):
        assert token_of(either.write.resolve(token_id)) == token
    newer = token_of(either.write.resolve(token_id, rejected_generation=either.write.resolve(token_id).generation))
    assert either.is_live(integration, other, newer)


def test_a_revoke_while_the_user_connects_again_leaves_nothing_of_the_connect(either: Service) -> None:
    user, account = someone(), someone("account")
    token_id, _ = either.connected("uphold", end_user_id=user, account=account)
    code = either.code("uphold", account)
    either.fault("uphold", account, "slow", seconds=SLOW, endpoint="token")
    with ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(
            lambda: refusal(lambda: either.write.connect(user, "uphold", READ, authorization_code=code))
        )
        until(lambda: either.books("uphold", account)["exchanges"] == 2, "the exchange has taken the code")
        either.write.revoke(token_id)
        assert connecting.result().reason == "CONFLICT"
    assert refusal(lambda: either.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
    until(lambda: not either.books("uphold", account)["live"], "the fresh grant is revoked upstream")
    new, _ = either.connected("uphold", end_user_id=user, account=account)
    assert new != token_id


def test_of_many_revokes_at_once_one_succeeds(either: Service) -> None:
    for _ in range(5):
        token_id, _ = either.connected("uphold")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(revoked, [either] * 8, [token_id] * 8))
        assert sorted(answers) == ["TOKEN_NOT_FOUND"] * 7 + ["revoked"]


def revoked(service: Service, token_id: str) -> str:
    try:
        service.write.revoke(token_id)
    except Refused as refused:
        return str(refused.reason)
    return "revoked"


def test_once_a_revoke_has_answered_nobody_gets_the_token(either: Service) -> None:
    token_id, _ = either.connected()
    over, late, served = threading.Event(), [], []

    def resolving() -> None:
        while True:
            began_after = over.is_set()
            try:
                served.append(token_of(either.write.resolve(token_id)))
                late.append(began_after)
            except Refused as refused:
                if began_after:
                    assert refused.reason == "TOKEN_NOT_FOUND"  # noqa: PT017  # one of many calls
                    return

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(resolving) for _ in range(8)]
        until(lambda: len(served) > 50, "the token is being served")
        either.write.revoke(token_id)
        over.set()
        for thread in running:
            thread.result()
    assert not any(late)
