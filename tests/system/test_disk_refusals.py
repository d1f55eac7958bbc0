"""A disk that is full or fails refuses records: nothing is spent that could not be kept, and nobody is told a lie."""

from collections.abc import Iterator

import pytest

from mmt.v1 import managed_token_pb2 as nouns
from tests.support.clients import READ, refusal, token_of
from tests.support.crashing import EXCHANGER, again, reached, spool
from tests.support.processes import child, kill
from tests.support.service import Service, running_service, someone
from tests.support.waiting import until

A_DAY = {"seconds": 86_400}
REFUSALS = ("enospc", "eio")


@pytest.fixture(scope="module", params=REFUSALS)
def refusing(request: pytest.FixtureRequest) -> Iterator[Service]:
    """An installation whose disk takes no record of a grant or a revocation."""
    with running_service(MMT_FAILPOINTS=f"record.before_sync={request.param}") as service:
        yield service


def test_a_code_whose_grant_cannot_be_kept_is_redeemed_and_revoked_at_once(refusing: Service) -> None:
    account = someone("account")
    given = {"authorization_code": refusing.code("coinbase", account), "request_id": someone("request")}

    assert refusal(lambda: refusing.write.connect(someone(), "coinbase", READ, **given)).reason == "STORE_UNAVAILABLE"

    assert reached(refusing.dev, "record.before_sync")
    assert '"grant_not_held"' in refusing.dev.logs()
    books = refusing.books("coinbase", account)
    assert (books["exchanges"], books["live"]) == (1, [])
    assert spool(refusing.dev.state_dir) == []


def test_a_revoke_whose_credentials_cannot_be_kept_ends_access_and_says_that_the_exchange_was_not_told(
    refusing: Service,
) -> None:
    account = someone("account")
    tokens = refusing.tokens("uphold", account, seconds=3000)
    token_id = refusing.write.connect(someone(), "uphold", READ, oauth_tokens=tokens).token_id

    assert refusing.write.revoke(token_id).upstream == nouns.UPSTREAM_FAILED

    assert reached(refusing.dev, "record.before_sync")
    assert refusal(lambda: refusing.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"
    assert '"revocation_not_kept"' in refusing.dev.logs()
    assert refusing.books("uphold", account)["live"]
    assert spool(refusing.dev.state_dir) == []


@pytest.mark.parametrize("action", REFUSALS)
def test_an_attempt_that_cannot_be_recorded_spends_nothing_and_is_made_when_the_disk_works(action: str) -> None:
    with running_service(MMT_FAILPOINTS=f"spool.before_intent={action}") as service:
        account = someone("account")
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id

        def resolved() -> str:
            return token_of(again(lambda: service.write.resolve(token_id, min_validity=A_DAY)))

        assert resolved() == tokens.access_token, "what is alive is served"
        until(lambda: '"spool_disk_failed"' in service.dev.logs(), "the disk is known to fail")
        assert reached(service.dev, "spool.before_intent")
        assert resolved() == tokens.access_token
        assert service.books("coinbase", account)["refreshes"] == 0
        assert spool(service.dev.state_dir) == []

        kill(child(service.dev.process.pid, EXCHANGER))  # its next life has a disk that works
        seen = list[str]()

        def is_refreshed() -> bool:
            seen.append(resolved())
            return seen[-1] != tokens.access_token

        until(is_refreshed, "the attempt is made")
        assert service.is_live("coinbase", account, seen[-1])
        books = service.books("coinbase", account)
        assert (books["refreshes"], books["reuses"]) == (1, 0)


@pytest.mark.parametrize(("point", "action"), [("spool.before_answer", "eio"), ("spool.before_answer_sync", "enospc")])
def test_an_answer_that_cannot_be_kept_is_committed_all_the_same(point: str, action: str) -> None:
    with running_service(MMT_FAILPOINTS=f"{point}={action}") as service:
        account = someone("account")
        tokens = service.tokens("coinbase", account, seconds=3000)
        token_id = service.write.connect(someone(), "coinbase", READ, oauth_tokens=tokens).token_id

        token = token_of(service.write.resolve(token_id, min_validity=A_DAY))

        assert reached(service.dev, point)
        assert '"spool_disk_failed"' in service.dev.logs()
        assert token != tokens.access_token
        assert service.is_live("coinbase", account, token)
