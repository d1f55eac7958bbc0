"""A process dies in each phase of Revoke: a retried one ends it, nothing comes back, and the exchange is told."""

import pytest

from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.crashing import EXCHANGER, REVOKE, WORKER, Crash, again, losing, spool
from tests.support.service import someone
from tests.support.waiting import until

DELETED = ("revoke.after_delete", "revoke.before_upstream", "revoke.after_upstream")


def stays_revoked(crash: Crash, user: str, token_id: str, account: str) -> None:
    """Hold the promises of a Revoke that has ended, whatever died on its way."""
    service = crash.service
    for call in (service.write.resolve, service.write.check_scope, service.write.revoke):
        assert refusal(lambda call=call: again(lambda: call(token_id))).reason == "TOKEN_NOT_FOUND"  # type: ignore[misc]  # bound
    until(lambda: not service.books("uphold", account)["live"], "the exchange is told")
    until(lambda: not spool(service.dev.state_dir), "nothing is left to do")
    code = service.code("uphold", account)
    new = again(lambda: service.write.connect(user, "uphold", READ, authorization_code=code)).token_id
    assert new != token_id
    assert refusal(lambda: service.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
    assert service.is_live("uphold", account, token_of(service.write.resolve(new)))
    assert service.books("uphold", account)["reuses"] == 0


@pytest.mark.parametrize("point", REVOKE)
def test_a_worker_that_dies_in_a_revoke_is_followed_by_one_that_ends_it(point: str) -> None:
    with losing(WORKER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        token_id, _ = service.connected("uphold", end_user_id=user, account=account)
        assert isinstance(crash.during(lambda: service.write.revoke(token_id)), Refused)
        if point in DELETED:
            assert refusal(lambda: again(lambda: service.write.resolve(token_id))).reason == "TOKEN_NOT_FOUND"
        else:
            again(lambda: service.write.revoke(token_id))
        stays_revoked(crash, user, token_id, account)


@pytest.mark.parametrize("point", REVOKE)
def test_a_revoke_is_done_at_once_though_the_exchanger_dies(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        token_id, _ = service.connected("uphold", end_user_id=user, account=account)
        answer = crash.during(lambda: service.write.revoke(token_id))
        assert not isinstance(answer, Refused), "the exchanger that takes the dead one's place leaves it its row"
        assert answer.revoke_time.seconds
        stays_revoked(crash, user, token_id, account)
