"""Connect requests: sent once, remembered for a day."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.ports.store import RecordedRequest
from tests.store.backends import Backend
from tests.store.material import DAY, OTHER_OWNER, OWNER, Tokens, connection, key, request

OTHER_LIFE = b"m" * 16


def test_a_request_begins_once(tokens: Tokens) -> None:
    asked = request()
    before = tokens.now()

    assert tokens.begin(asked) is None

    recorded = tokens.begin(replace(asked, content_mac=key(), owner=OTHER_OWNER))
    assert recorded is not None
    assert before <= recorded.created_at <= tokens.now()
    assert recorded == RecordedRequest(asked, "PENDING", None, None, None, recorded.created_at)
    assert tokens.read_request(asked.request_key) == recorded


def test_an_unknown_request_reads_as_none(tokens: Tokens) -> None:
    assert tokens.read_request(key()) is None


def test_a_request_older_than_a_day_begins_anew(backend: Backend) -> None:
    asked = request()
    backend.tokens.begin(asked)
    backend.clock.shift = DAY + 1_000_000

    assert backend.tokens.begin(asked) is None

    recorded = backend.tokens.read_request(asked.request_key)
    assert recorded is not None
    assert recorded.created_at >= backend.tokens.now() - 1_000_000_000


def test_a_request_of_almost_a_day_is_remembered(backend: Backend) -> None:
    asked = request()
    backend.tokens.begin(asked)
    backend.clock.shift = DAY - 600_000_000

    assert backend.tokens.begin(asked) is not None


def test_a_rejected_request_stays_rejected(tokens: Tokens) -> None:
    asked = request()
    tokens.begin(asked)

    assert tokens.reject(asked)
    assert not tokens.reject(asked)
    assert not tokens.withdraw(asked)

    recorded = tokens.begin(asked)
    assert recorded is not None
    assert recorded.state == "REJECTED"


def test_a_done_request_is_neither_rejected_nor_withdrawn(tokens: Tokens) -> None:
    asked = request()
    tokens.begin(asked)
    tokens.create(connection(), asked)

    assert not tokens.reject(asked)
    assert not tokens.withdraw(asked)


def test_a_withdrawn_request_may_begin_again(tokens: Tokens) -> None:
    asked = request()
    tokens.begin(asked)

    assert tokens.withdraw(asked)
    assert tokens.begin(asked) is None


@pytest.mark.parametrize("change", [{"owner": OTHER_OWNER}, {"life": OTHER_LIFE}, {"content_mac": b"x" * 32}])
def test_only_the_very_request_is_ended(tokens: Tokens, change: dict[str, bytes]) -> None:
    asked = request()
    tokens.begin(asked)
    other = replace(asked, **change)

    assert not tokens.reject(other)
    assert not tokens.withdraw(other)
    assert not tokens.create(connection(), other)


def test_pending_requests_of_earlier_lives_are_found(tokens: Tokens) -> None:
    earlier, done, own, others = request(), request(), request(life=OTHER_LIFE), request(owner=OTHER_OWNER)
    for asked in (earlier, done, own, others):
        tokens.begin(asked)
    tokens.create(connection(), done)

    assert tokens.pending_requests(OWNER, except_life=OTHER_LIFE) == [earlier]


def test_old_requests_are_purged(backend: Backend) -> None:
    old = [request() for _ in range(3)]
    for asked in old:
        backend.tokens.begin(asked)
    backend.clock.shift = DAY + 1_000_000
    young = request()
    backend.tokens.begin(young)

    assert backend.tokens.purge_requests() == 3
    assert backend.tokens.purge_requests() == 0
    assert backend.tokens.read_request(young.request_key) is not None
