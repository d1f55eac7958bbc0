"""A process dies in each phase of a refresh: nothing is spent twice, nobody gets a wrong token, Connect heals."""

import pytest

from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.crashing import EXCHANGER, REFRESH, WORKER, Crash, again, losing
from tests.support.service import someone
from tests.support.waiting import until

NEVER_SENT = ("refresh.after_intent", "refresh.before_send")
DOUBTFUL = (*NEVER_SENT, "refresh.after_answer")
"""An intent is on disk and no answer: from there nobody can say whether the token was spent."""
COMMITTED = ("refresh.after_commit",)
"""The row has the new token: a worker that polls it may answer at any moment."""
A_DAY = {"seconds": 86_400}


def heals(crash: Crash, user: str, token_id: str, account: str) -> None:
    service = crash.service
    code = service.code("coinbase", account)
    connected = again(lambda: service.write.connect(user, "coinbase", READ, authorization_code=code))
    assert connected.token_id == token_id
    token = token_of(service.write.resolve(token_id))
    assert service.is_live("coinbase", account, token)
    newer = service.write.resolve(token_id, rejected_generation=service.write.resolve(token_id).generation)
    assert service.is_live("coinbase", account, token_of(newer))
    assert token_of(newer) != token
    assert service.books("coinbase", account)["reuses"] == 0


@pytest.mark.parametrize("point", REFRESH)
def test_an_exchanger_that_dies_in_a_refresh_never_spends_the_token_twice(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        tokens = service.tokens("coinbase", account, seconds=2)
        token_id = service.write.connect(user, "coinbase", READ, oauth_tokens=tokens).token_id
        until(service.is_past(tokens.expire_time), "the token expires")
        ended = crash.during(lambda: service.write.resolve(token_id))
        if isinstance(ended, Refused):
            assert ended.reason == "PROVIDER_UNAVAILABLE"
            assert ended.retry_after
        if point in DOUBTFUL:
            until(lambda: '"attempt_in_doubt"' in service.dev.logs(), "the attempt is in doubt")
            for _ in range(3):
                refused = refusal(lambda: service.write.resolve(token_id))
                assert refused.reason == "PROVIDER_UNAVAILABLE"
                assert refused.retry_after
        else:
            token = token_of(again(lambda: service.write.resolve(token_id)))
            assert service.is_live("coinbase", account, token)
            assert token != tokens.access_token
        assert service.books("coinbase", account)["refreshes"] == (0 if point in NEVER_SENT else 1)
        heals(crash, user, token_id, account)


@pytest.mark.parametrize("point", DOUBTFUL)
def test_a_token_that_is_alive_is_served_whatever_became_of_its_refresh(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(user, "coinbase", READ, oauth_tokens=tokens).token_id
        ended = crash.during(lambda: service.write.resolve(token_id, min_validity=A_DAY))
        assert not isinstance(ended, Refused)
        assert token_of(ended) == tokens.access_token
        until(lambda: '"attempt_in_doubt"' in service.dev.logs(), "the attempt is in doubt")
        assert token_of(again(lambda: service.write.resolve(token_id, min_validity=A_DAY))) == tokens.access_token
        assert service.books("coinbase", account)["refreshes"] <= 1
        heals(crash, user, token_id, account)


@pytest.mark.parametrize("point", REFRESH)
def test_a_worker_that_dies_in_a_refresh_loses_nothing_of_it(point: str) -> None:
    with losing(WORKER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        tokens = service.tokens("coinbase", account, seconds=2)
        token_id = service.write.connect(user, "coinbase", READ, oauth_tokens=tokens).token_id
        until(service.is_past(tokens.expire_time), "the token expires")
        outcome = crash.during(lambda: service.write.resolve(token_id))
        # Once the row is committed, the worker may have answered before it died.
        assert isinstance(outcome, Refused) or point in COMMITTED
        token = token_of(again(lambda: service.write.resolve(token_id)))
        assert service.is_live("coinbase", account, token)
        books = service.books("coinbase", account)
        assert (books["refreshes"], books["reuses"]) == (1, 0)
