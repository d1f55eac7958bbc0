"""The exchanger dies while it writes or removes a grant's record: what its disk has is revoked or stands, once."""

import pytest

from tests.support.clients import READ, Refused, refusal, token_of
from tests.support.crashing import EXCHANGER, again, losing, spool
from tests.support.service import Service, someone
from tests.support.waiting import until

UNNAMED = ("record.before_write", "record.before_sync")
"""No record is there yet under its name: what was brought is known to nobody, and nobody can revoke it."""
HELD = ("record.before_name_sync", "record.after_write")
COMMITTED = ("record.before_scrub", "record.before_unlink")
UNKEPT = ("unkept.after_reject", "unkept.after_put", "unkept.after_upstream")


def is_over(service: Service) -> None:
    """Wait until the exchanger that took the dead one's place has done what was left; it complains of nothing."""
    until(lambda: not spool(service.dev.state_dir), "nothing is left to do")
    assert '"grant_unreadable"' not in service.dev.logs()
    assert '"revocation_unreadable"' not in service.dev.logs()


@pytest.mark.parametrize("point", [*UNNAMED, *HELD, *COMMITTED])
def test_a_death_at_the_record_of_a_grant_leaves_one_answer_and_nothing_on_the_disk(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account = crash.service, someone(), someone("account")
        given = {"authorization_code": service.code("coinbase", account), "request_id": "only-once"}
        assert isinstance(crash.during(lambda: service.write.connect(user, "coinbase", READ, **given)), Refused)

        def retry() -> str:
            return service.write.connect(user, "coinbase", READ, **given).token_id

        if point in COMMITTED:
            token_id = again(retry)
            assert service.is_live("coinbase", account, token_of(service.write.resolve(token_id)))
        else:
            assert refusal(lambda: again(retry)).reason == "GRANT_REJECTED"
        if point in HELD:
            until(lambda: not service.books("coinbase", account)["live"], "what no row holds is revoked upstream")
        is_over(service)
        books = service.books("coinbase", account)
        assert (books["exchanges"], books["reuses"]) == (1, 0)


@pytest.mark.parametrize("point", UNKEPT)
def test_a_death_while_a_grant_is_given_up_leaves_none_of_it(point: str) -> None:
    with losing(EXCHANGER, point) as crash:
        service, user, account, other = crash.service, someone(), someone("account"), someone("account")
        token_id, _ = service.connected(end_user_id=user, account=account)
        given = {"authorization_code": service.code("coinbase", other), "request_id": "another-account"}
        assert isinstance(crash.during(lambda: service.write.connect(user, "coinbase", READ, **given)), Refused)

        until(lambda: not service.books("coinbase", other)["live"], "what no row holds is revoked upstream")
        is_over(service)
        repeated = refusal(lambda: again(lambda: service.write.connect(user, "coinbase", READ, **given)))
        assert repeated.reason == "GRANT_REJECTED"
        assert service.books("coinbase", other)["exchanges"] == 1
        assert service.is_live("coinbase", account, token_of(service.write.resolve(token_id)))
