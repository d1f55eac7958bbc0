"""Resolve: who may have what, and what is on record before it leaves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import (
    AuditUnavailableError,
    CredentialUnreadableError,
    InvalidRequestError,
    ScopeMismatchError,
    StoreUnavailableError,
    TokenNotFoundError,
)
from mmt_grpc.domain.model import MICROSECONDS, Scope
from mmt_grpc.domain.token_row import TokenRow, TokenState
from tests.support.fakes_world import HOUR, Client, World


class TestChecks:
    def test_existence_goes_before_the_end_user_and_that_before_the_scope(self, client: Client, token: str) -> None:
        with pytest.raises(TokenNotFoundError):
            client.resolve("5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3", user="alice", required=Scope.WRITE)
        with pytest.raises(TokenNotFoundError):
            client.resolve(token, user="bob", required=Scope.WRITE)
        with pytest.raises(ScopeMismatchError):
            client.resolve(token, user="alice", required=Scope.WRITE)
        assert client.resolve(token, user="alice").scope is Scope.READ

    def test_shape_goes_before_existence(self, client: Client) -> None:
        with pytest.raises(InvalidRequestError) as refusal:
            client.resolve("5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3", user="e\u0301")
        assert [violation.field for violation in refusal.value.violations] == ["end_user_id"]

    def test_a_reader_never_has_a_write_token(self, world: World, client: Client) -> None:
        writing = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

        with pytest.raises(ScopeMismatchError) as refusal:
            world.client(scope=Scope.READ).resolve(writing.token_id)

        assert refusal.value.metadata == {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}

    def test_the_user_of_a_token_is_compared_with_every_part_of_the_identity(
        self, world: World, client: Client
    ) -> None:
        writing = client.connect("alice", world.coinbase.authorize("alice", Scope.WRITE), scope=Scope.WRITE)

        assert client.resolve(writing.token_id, user="alice", required=Scope.WRITE).scope is Scope.WRITE
        with pytest.raises(TokenNotFoundError):
            client.resolve(writing.token_id, user="Alice", required=Scope.WRITE)


class TestUnreadable:
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda row: replace(row, sealed=replace(row.sealed, access_blob=bytes(80))),
            lambda row: replace(row, sealed=replace(row.sealed, access_key=bytes(len(row.sealed.access_key)))),
            lambda row: replace(row, binding=replace(row.binding, scope=Scope.WRITE)),
            lambda row: replace(row, binding=replace(row.binding, integration="uphold")),
            lambda row: replace(row, binding=replace(row.binding, generation=9)),
        ],
        ids=["access", "key", "scope", "integration", "generation"],
    )
    def test_a_spoiled_row_is_an_answer_and_never_a_write(
        self, world: World, client: Client, token: str, spoil: Callable[[TokenRow], TokenRow]
    ) -> None:
        row = world.standing(token)
        spoiled = spoil(row)
        world.rows.rows[row.shard, row.binding.token_key] = spoiled

        with pytest.raises(CredentialUnreadableError):
            client.resolve(token)

        assert world.standing(token) == spoiled
        assert [record.outcome for record in world.audit.of("Resolve")] == ["refused"]

    def test_an_unreadable_refresh_token_serves_what_is_alive(self, world: World, client: Client, token: str) -> None:
        row = world.standing(token)
        spoiled = replace(row, sealed=replace(row.sealed, renewal_blob=bytes(80)))
        world.rows.rows[row.shard, row.binding.token_key] = spoiled
        world.pass_time(3570)
        assert client.resolve(token).generation == 1

        world.pass_time(30)
        with pytest.raises(CredentialUnreadableError):
            client.resolve(token)
        assert world.standing(token) == spoiled


class TestAuditAndStore:
    def test_without_an_audit_log_nothing_leaves(self, world: World, client: Client, token: str) -> None:
        world.audit.is_up = False

        with pytest.raises(AuditUnavailableError):
            client.resolve(token)

    def test_without_an_audit_log_nothing_is_leased(self, world: World, client: Client, token: str) -> None:
        world.pass_time(3600)
        world.audit.is_up = False

        with pytest.raises(AuditUnavailableError):
            client.resolve(token)

        assert world.standing(token).state is TokenState.ACTIVE
        assert world.coinbase.counts["refreshes"] == 0

    def test_a_credential_is_in_the_audit_log_before_it_leaves(self, world: World, client: Client, token: str) -> None:
        resolved = client.resolve(token)

        (record,) = world.audit.of("Resolve")
        assert (record.outcome, record.reason, record.generation) == ("ok", None, resolved.generation)
        assert (record.caller, record.client_id, record.integration) == ("key-of-client-1", "client-1", "coinbase")
        assert record.token_key == world.standing(token).binding.token_key
        assert record.key_epoch == world.standing(token).sealed.key_epoch

    def test_a_refresh_is_audited_under_the_callers_id(self, world: World, client: Client, token: str) -> None:
        world.pass_time(3600)
        client.resolve(token)

        refresh = world.audit.of("Refresh")
        assert [(record.phase.value, record.outcome) for record in refresh] == [("intent", None), ("outcome", "ok")]
        assert {record.call_id for record in refresh} == {world.audit.of("Resolve")[-1].call_id}

    def test_a_refusal_is_audited_with_its_reason(self, world: World, client: Client, token: str) -> None:
        with pytest.raises(ScopeMismatchError):
            client.resolve(token, required=Scope.WRITE)

        (record,) = world.audit.of("Resolve")
        assert (record.outcome, record.reason) == ("refused", "SCOPE_MISMATCH")

    def test_a_store_that_does_not_answer_is_said_to(self, world: World, client: Client, token: str) -> None:
        world.weather.refuse("read_access")

        with pytest.raises(StoreUnavailableError):
            client.resolve(token)

    def test_the_expiry_of_a_refresh_is_never_late_by_the_lease(self, world: World, client: Client, token: str) -> None:
        world.pass_time(3600)
        world.weather.before("lease", lambda: world.clock.advance(3 * MICROSECONDS))
        sent: list[int] = []
        world.coinbase.meanwhile("connect", lambda: world.clock.advance(MICROSECONDS))
        world.coinbase.meanwhile("refresh", lambda: sent.append(world.rows.now()))

        assert client.resolve(token).expires_at == sent[0] + HOUR
