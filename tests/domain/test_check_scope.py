"""CheckScope answers from what is sealed, and opens no credential."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import AuditUnavailableError, CredentialUnreadableError, TokenNotFoundError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_world import Client, World


def test_it_answers_whatever_state_the_row_is_in(world: World, client: Client, token: str) -> None:
    row = world.standing(token)
    for state in TokenState:
        world.rows.rows[row.shard, row.binding.token_key] = replace(row, state=state)
        assert client.check_scope(token, Scope.READ).allowed


def test_it_needs_no_credential_that_opens(world: World, client: Client, token: str) -> None:
    row = world.standing(token)
    spoiled = replace(row, sealed=replace(row.sealed, access_blob=bytes(80), renewal_blob=None))
    world.rows.rows[row.shard, row.binding.token_key] = spoiled

    assert client.check_scope(token, Scope.READ).allowed


@pytest.mark.parametrize("column", ["scope", "integration", "metadata"])
def test_a_changed_column_is_noticed(world: World, client: Client, token: str, column: str) -> None:
    row = world.standing(token)
    changed = {
        "scope": replace(row, binding=replace(row.binding, scope=Scope.WRITE)),
        "integration": replace(row, binding=replace(row.binding, integration="uphold")),
        "metadata": replace(row, sealed=replace(row.sealed, metadata_blob=bytes(80))),
    }
    world.rows.rows[row.shard, row.binding.token_key] = changed[column]

    with pytest.raises(CredentialUnreadableError):
        client.check_scope(token, Scope.WRITE)


def test_another_clients_token_is_not_found(world: World, token: str) -> None:
    with pytest.raises(TokenNotFoundError):
        world.client("client-2").check_scope(token, Scope.READ)


def test_a_refusal_is_an_answer_and_its_record_says_ok(world: World, client: Client, token: str) -> None:
    assert not client.check_scope(token, Scope.WRITE).allowed

    (record,) = world.audit.of("CheckScope")
    assert (record.outcome, record.integration, record.generation) == ("ok", "coinbase", 1)


def test_without_an_audit_log_there_is_no_answer(world: World, client: Client, token: str) -> None:
    world.audit.is_up = False

    with pytest.raises(AuditUnavailableError):
        client.check_scope(token, Scope.READ)
