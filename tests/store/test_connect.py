"""What a Connect commits."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import ConflictError
from mmt_grpc.domain.model import ConnectOutcome
from mmt_grpc.domain.ports.store import RowMovedError
from mmt_grpc.domain.token_row import TokenState
from tests.store.backends import Backend
from tests.store.material import (
    Tokens,
    again,
    connect,
    connection,
    current,
    lease,
    reconnect,
    refreshed,
    request,
)


def test_a_first_connect_writes_the_row_and_finishes_its_request(backend: Backend) -> None:
    tokens = backend.tokens
    made, asked = connection(), request()
    tokens.begin(asked)
    before = tokens.now()

    assert tokens.create(made, asked)

    row = current(tokens, made)
    assert before <= row.connected_at <= tokens.now()
    recorded = tokens.read_request(asked.request_key)
    assert recorded is not None
    assert (recorded.state, recorded.outcome) == ("DONE", ConnectOutcome.CREATED)
    assert (recorded.shard, recorded.token_key) == (made.shard, made.binding.token_key)
    assert backend.events() == [("connected", made.binding.token_key, 1)]


def test_an_identity_is_created_once(backend: Backend) -> None:
    tokens = backend.tokens
    made = connection()
    connect(tokens, made)
    asked = request()
    tokens.begin(asked)

    with pytest.raises(ConflictError):
        tokens.create(connection(shard=made.shard, identity_key=made.binding.identity_key), asked)

    recorded = tokens.read_request(asked.request_key)
    assert recorded is not None
    assert recorded.state == "PENDING"
    assert len(backend.events()) == 1


def test_a_token_key_is_created_once(tokens: Tokens) -> None:
    made = connection()
    connect(tokens, made)
    asked = request()
    tokens.begin(asked)

    with pytest.raises(ConflictError):
        tokens.create(connection(shard=made.shard, token_key=made.binding.token_key), asked)


@pytest.mark.parametrize("ended", ["rejected", "done", "never begun"])
def test_nothing_is_created_for_a_request_that_is_not_pending(tokens: Tokens, ended: str) -> None:
    made, asked = connection(), request()
    if ended != "never begun":
        tokens.begin(asked)
    if ended == "rejected":
        tokens.reject(asked)
    if ended == "done":
        tokens.create(connection(), asked)

    assert not tokens.create(made, asked)
    assert tokens.read(made.shard, made.binding.token_key).row is None


def test_another_connect_replaces_the_credentials_alone(backend: Backend) -> None:
    tokens = backend.tokens
    row = connect(tokens)
    made, asked = again(row), request()
    tokens.begin(asked)

    assert tokens.replace(made, asked, grant_number=1)

    replaced = current(tokens, row)
    assert replaced == replace(
        row,
        binding=made.binding,
        account_key=made.account_key,
        version=2,
        grant_number=2,
        access_expires_at=made.access_expires_at,
        renewal_expires_at=None,
        next_refresh_at=None,
        connected_at=replaced.connected_at,
        sealed=made.sealed,
    )
    recorded = tokens.read_request(asked.request_key)
    assert recorded is not None
    assert (recorded.state, recorded.outcome) == ("DONE", ConnectOutcome.REAUTHENTICATED)
    assert backend.events()[-1] == ("reconnected", row.binding.token_key, 2)


def test_a_connect_wins_over_a_running_refresh(tokens: Tokens) -> None:
    row = connect(tokens)
    attempt_id = lease(tokens, row)

    replaced = reconnect(tokens, current(tokens, row))

    assert replaced.state is TokenState.ACTIVE
    assert not tokens.commit_refresh(row, attempt_id=attempt_id, refreshed=refreshed())


def test_of_two_connects_of_one_grant_number_the_second_conflicts(tokens: Tokens) -> None:
    row = connect(tokens)
    reconnect(tokens, row)
    asked = request()
    tokens.begin(asked)

    with pytest.raises(ConflictError):
        tokens.replace(again(row), asked, grant_number=row.grant_number)


def test_a_connect_does_not_bring_a_deleted_row_back(tokens: Tokens) -> None:
    row = connect(tokens)
    tokens.delete(row)
    asked = request()
    tokens.begin(asked)

    with pytest.raises(ConflictError):
        tokens.replace(again(row), asked, grant_number=row.grant_number)

    assert tokens.read(row.shard, row.binding.token_key).row is None


def test_a_refresh_in_between_asks_for_sealing_again(tokens: Tokens) -> None:
    row = connect(tokens)
    tokens.commit_refresh(row, attempt_id=lease(tokens, row), refreshed=refreshed())
    asked = request()
    tokens.begin(asked)

    with pytest.raises(RowMovedError):
        tokens.replace(again(row), asked, grant_number=row.grant_number)

    assert tokens.replace(again(current(tokens, row)), asked, grant_number=row.grant_number)


def test_nothing_is_replaced_for_a_request_that_is_not_pending(tokens: Tokens) -> None:
    row = connect(tokens)
    asked = request()
    tokens.begin(asked)
    tokens.reject(asked)

    assert not tokens.replace(again(row), asked, grant_number=row.grant_number)
    assert current(tokens, row) == row
