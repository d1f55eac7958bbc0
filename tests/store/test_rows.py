"""Reading and deleting rows."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.token_row import SealedToken
from tests.store.backends import Backend
from tests.store.material import Tokens, connect, connection, current, key, lease, reconnect, refreshed


def test_a_row_reads_as_it_was_written(tokens: Tokens) -> None:
    made = connection()

    row = connect(tokens, made)

    assert row.shard == made.shard
    assert row.binding == made.binding
    assert row.sealed == made.sealed
    assert (row.end_user_key, row.client_key, row.account_key) == (
        made.end_user_key,
        made.client_key,
        made.account_key,
    )
    assert (row.access_expires_at, row.renewal_expires_at, row.next_refresh_at) == (
        made.access_expires_at,
        made.renewal_expires_at,
        made.next_refresh_at,
    )
    assert (row.version, row.grant_number, row.failures) == (1, 1, 0)
    assert row.refreshed_at is None


def test_a_worker_reads_the_same_of_a_row(tokens: Tokens) -> None:
    row = connect(tokens)

    access = tokens.read_access(row.shard, row.binding.token_key).row

    assert access is not None
    assert access.binding == row.binding
    assert (access.state, access.reason) == (row.state, None)
    assert (access.access_expires_at, access.refreshed_at) == (row.access_expires_at, None)
    assert (access.format, access.key_epoch) == (row.sealed.format, row.sealed.key_epoch)
    assert (access.access_key, access.access_blob) == (row.sealed.access_key, row.sealed.access_blob)
    assert access.refreshable
    assert access.metadata_blob is None


def test_metadata_is_read_where_it_was_asked_for(tokens: Tokens) -> None:
    row = connect(tokens)

    access = tokens.read_access(row.shard, row.binding.token_key, metadata=True).row

    assert access is not None
    assert access.metadata_blob == row.sealed.metadata_blob


def test_a_worker_sees_what_a_refresh_and_a_connect_changed(tokens: Tokens) -> None:
    row = connect(tokens)
    brought = refreshed()
    before = tokens.now()
    tokens.commit_refresh(row, attempt_id=lease(tokens, row), refreshed=brought)

    after_refresh = tokens.read_access(row.shard, row.binding.token_key).row
    reconnect(tokens, current(tokens, row))
    after_connect = tokens.read_access(row.shard, row.binding.token_key).row

    assert after_refresh is not None
    assert after_refresh.refreshed_at is not None
    assert before <= after_refresh.refreshed_at <= tokens.now()
    assert (after_refresh.binding.generation, after_refresh.access_blob) == (2, brought.access_blob)
    assert after_connect is not None
    assert (after_connect.binding.generation, after_connect.refreshed_at) == (3, None)
    assert not after_connect.refreshable


def test_what_is_not_there_reads_as_none_with_the_time(tokens: Tokens) -> None:
    before = tokens.now()

    access, row, identity = (tokens.read_access(1, key()), tokens.read(1, key()), tokens.read_identity(1, key()))

    assert access.row is None
    assert row.row is None
    assert identity.row is None
    assert before <= access.now <= row.now <= identity.now <= tokens.now()


def test_another_shard_does_not_have_the_row(tokens: Tokens) -> None:
    row = connect(tokens)

    assert tokens.read(row.shard + 1, row.binding.token_key).row is None


def test_a_row_is_found_by_its_identity(tokens: Tokens) -> None:
    row = connect(tokens)

    assert tokens.read_identity(row.shard, row.binding.identity_key).row == row


def test_rows_of_one_account_are_found_up_to_a_limit(tokens: Tokens) -> None:
    rows = [connect(tokens) for _ in range(2)]
    account_key = rows[0].account_key
    assert account_key is not None

    assert tokens.read_account(account_key, 10) == [rows[0]]
    assert tokens.read_account(account_key, 0) == []


def test_readings_carry_the_shifted_clock(backend: Backend) -> None:
    row = connect(backend.tokens)
    before = backend.tokens.now()
    backend.clock.shift = 3_600_000_000

    assert backend.tokens.now() >= before + 3_600_000_000
    assert backend.tokens.read_access(row.shard, row.binding.token_key).now >= before + 3_600_000_000
    assert backend.tokens.read(row.shard, row.binding.token_key).now >= before + 3_600_000_000


def test_a_deleted_row_is_gone(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    before = tokens.now()

    deleted_at = tokens.delete(row)

    assert deleted_at is not None
    assert before <= deleted_at <= tokens.now()
    assert tokens.read(row.shard, row.binding.token_key).row is None
    assert tokens.read_identity(row.shard, row.binding.identity_key).row is None
    assert tokens.delete(row) is None
    assert backend.events()[-1] == ("revoked", row.binding.token_key, 1)


def test_a_row_that_moved_on_is_not_deleted(tokens: Tokens) -> None:
    row = connect(tokens)
    lease(tokens, row)

    assert tokens.delete(row) is None
    assert tokens.delete(current(tokens, row)) is not None


def test_a_deleted_identity_may_come_again(tokens: Tokens) -> None:
    row = connect(tokens)
    tokens.delete(row)

    again = connect(tokens, connection(shard=row.shard, identity_key=row.binding.identity_key))

    assert again.binding.token_key != row.binding.token_key


@pytest.mark.parametrize("size", [8 * 1024, 16 * 1024, 40 * 1024])
def test_long_blobs_are_kept_whole(tokens: Tokens, size: int) -> None:
    blobs = SealedToken(1, 1, b"k" * 200, b"k" * 200, b"\xff" * size, b"\x00" * size, b"'\\\"%s:x" * 500)
    made = replace(connection(), sealed=blobs)

    assert connect(tokens, made).sealed == made.sealed


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_many_rows_are_read_whatever_their_number(tokens: Tokens, count: int) -> None:
    made = [connect(tokens, connection(shard=number % 4096)) for number in range(count)]

    found = tokens.read_many({(row.shard, row.binding.token_key) for row in made})

    assert found == {row.binding.token_key: current(tokens, row) for row in made}


def test_of_many_rows_those_that_are_gone_or_elsewhere_are_missing(tokens: Tokens) -> None:
    there, gone = connect(tokens), connect(tokens)
    tokens.delete(gone)
    elsewhere = (there.shard + 1, there.binding.token_key)

    assert tokens.read_many({elsewhere, (gone.shard, gone.binding.token_key), (0, key())}) == {}
