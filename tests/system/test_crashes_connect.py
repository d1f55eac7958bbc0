"""A process dies in each phase of Connect: a code is never sent twice, and what stands is what was said."""

import pytest

from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.crashing import CONNECT, EXCHANGER, WORKER, again, losing, spool
from tests.support.service import someone
from tests.support.waiting import until

KEPT_FOR_REVOCATION = ("connect.after_spool", "connect.before_commit")
OBTAINED = (*KEPT_FOR_REVOCATION, "connect.after_exchange")


@pytest.mark.parametrize("point", CONNECT)
def test_an_exchanger_that_dies_in_a_connect_leaves_one_answer_and_a_new_code_heals(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        given = {"authorization_code": service.code("coinbase", account), "request_id": "only-once"}
        refused = crash.during(lambda: service.write.connect(user, "coinbase", READ, **given))
        assert isinstance(refused, Refused)
        assert refused.reason == "PROVIDER_UNAVAILABLE"
        assert refused.retry_after

        def retry() -> str:
            return service.write.connect(user, "coinbase", READ, **given).token_id

        if point == "connect.after_commit":
            token_id = again(retry)
            assert service.is_live("coinbase", account, token_of(service.write.resolve(token_id)))
        else:
            assert refusal(lambda: again(retry)).reason == "GRANT_REJECTED"
            assert refusal(retry).reason == "GRANT_REJECTED"
            token_id = None
        assert service.books("coinbase", account)["exchanges"] == (1 if point in (*OBTAINED, CONNECT[-1]) else 0)
        if point in KEPT_FOR_REVOCATION:
            until(lambda: not service.books("coinbase", account)["live"], "what no row holds is revoked upstream")
        until(lambda: not spool(service.dev.state_dir), "nothing is left to do")

        healed = service.write.connect(user, "coinbase", READ, authorization_code=service.code("coinbase", account))
        assert healed.token_id == token_id or token_id is None
        assert service.is_live("coinbase", account, token_of(service.write.resolve(healed.token_id)))
        assert service.books("coinbase", account)["reuses"] == 0


@pytest.mark.parametrize("point", CONNECT)
def test_a_worker_that_dies_in_a_connect_loses_nothing_of_it(point: str) -> None:
    with losing(WORKER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        given = {"authorization_code": service.code("coinbase", account), "request_id": "only-once"}
        refused = crash.during(lambda: service.write.connect(user, "coinbase", READ, **given))
        assert isinstance(refused, Refused)
        answer = again(lambda: service.write.connect(user, "coinbase", READ, **given))
        assert service.write.connect(user, "coinbase", READ, **given) == answer
        assert service.is_live("coinbase", account, token_of(service.write.resolve(answer.token_id)))
        books = service.books("coinbase", account)
        assert (books["exchanges"], books["reuses"]) == (1, 0)
        assert not spool(service.dev.state_dir)
