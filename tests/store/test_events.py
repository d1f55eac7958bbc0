"""The outbox: told of once it is committed, and kept for a week."""

from pathlib import Path
from typing import cast

import pytest

from mmt_grpc.store import open_store
from mmt_grpc.store.events import KEPT_FOR, PURGED_AT_ONCE
from tests.store.backends import Database, sqlite_url
from tests.store.conftest import DATABASES
from tests.store.doubting import in_doubt, retry_of
from tests.store.material import (
    MINUTE,
    Tokens,
    attempt,
    connect,
    connection,
    current,
    lease,
    reconnect,
    refreshed,
    request,
)

OPENED = pytest.mark.parametrize("opened", DATABASES, indirect=True)


def events(opened: Database) -> int:
    return len(list(opened.query("SELECT id FROM event")))


@OPENED
def test_events_are_deleted_after_a_week_and_not_before(opened: Database) -> None:
    backend = opened.backend()
    connect(backend.tokens)
    backend.clock.shift = MINUTE
    connect(backend.tokens)

    backend.clock.shift = KEPT_FOR - MINUTE
    backend.tokens.purge_requests()
    assert events(opened) == 2

    backend.clock.shift = KEPT_FOR + MINUTE // 2
    backend.tokens.purge_requests()
    assert events(opened) == 1

    backend.clock.shift = KEPT_FOR + 2 * MINUTE
    backend.tokens.purge_requests()
    assert events(opened) == 0


@OPENED
def test_a_backlog_goes_in_batches_until_all_of_it_is_gone(opened: Database) -> None:
    rows = ", ".join(
        f"(X'{number:032x}', 1, X'{'00' * 32}', 'revoked', 1, 1, '')" for number in range(2 * PURGED_AT_ONCE + 1)
    )
    opened.query(f"INSERT INTO event (id, shard, token_key, kind, generation, at, payload) VALUES {rows}")  # noqa: S608  # literals
    backend = opened.backend()
    connect(backend.tokens)

    while purged := backend.tokens.purge_requests():
        assert purged <= PURGED_AT_ONCE

    assert events(opened) == 1


def test_what_is_committed_is_told_once_and_what_is_not_never(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    store = open_store(sqlite_url(tmp_path), on_event=lambda kind, integration: told.append((kind, integration)))
    store.migrate()
    tokens = cast("Tokens", store.tokens)
    row = connect(tokens)
    # Neither a lease nor its release is anything that anybody could see, nor a guard that does not hold.
    tokens.release(row, attempt_id=lease(tokens, row), not_before=0, never_sent=True)
    tokens.condemn(row, attempt_id=bytes(16))
    tokens.commit_refresh(row, attempt_id=lease(tokens, current(tokens, row)), refreshed=refreshed())
    row = reconnect(tokens, current(tokens, row))
    asked = request()
    tokens.begin(asked)
    tokens.reject(asked)
    assert not tokens.create(connection(), asked)
    tokens.delete(current(tokens, row))
    store.close()

    assert told == [(kind, "coinbase") for kind in ("connected", "refreshed", "reconnected", "revoked")]


def test_the_end_of_a_chain_says_whether_a_rotation_was_lost(tmp_path: Path) -> None:
    told: list[str] = []
    store = open_store(sqlite_url(tmp_path), on_event=lambda kind, _: told.append(kind))
    store.migrate()
    tokens = cast("Tokens", store.tokens)
    refused = connect(tokens)
    tokens.condemn(refused, attempt_id=lease(tokens, refused))
    doubted, _ = in_doubt(tokens)
    again = attempt()
    assert retry_of(tokens, doubted, attempt_id=again) is not None
    tokens.condemn(doubted, attempt_id=again)
    store.close()

    assert told == ["connected", "condemned", "connected", "doubted", "rotation_lost"]
