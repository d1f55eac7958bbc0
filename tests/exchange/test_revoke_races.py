"""Revokes beside other Revokes, refreshes and replicas: of two one is told, and the newest credentials are ended."""

import pytest

from mmt_grpc.domain.errors import TokenNotFoundError
from mmt_grpc.domain.model import Upstream
from mmt_grpc.domain.ports.exchanger import CallContext, StagedRevocation
from mmt_grpc.domain.token_row import TokenRow
from tests.support.fakes_exchange_faults import OUTAGE
from tests.support.fakes_world import Client, World


class TestRaces:
    def test_of_two_revokes_one_is_told_and_the_newest_credentials_are_what_is_revoked(
        self, world: World, client: Client, token: str
    ) -> None:
        world.pass_time(3600)
        old = world.standing(token)
        told: list[Upstream] = []

        def meanwhile() -> None:
            client.resolve(token)
            world.failpoints.at("revoke.before_upstream", lambda: stale(world))
            told.append(client.revoke(token).upstream)

        def stale(world: World) -> None:
            # The first Revoke's handing over arrives last, with what the row held before the refresh.
            world.life.line.stage_revocation(_context(), _staged(old))

        world.failpoints.at("revoke.after_ledger", meanwhile)
        with pytest.raises(TokenNotFoundError):
            client.revoke(token)

        assert told == [Upstream.REVOKED]
        assert world.coinbase.living == 0

    def test_a_refresh_that_commits_during_a_revoke_is_revoked_with_it(
        self, world: World, client: Client, token: str
    ) -> None:
        world.pass_time(3600)
        world.failpoints.at("revoke.after_stage", lambda: client.resolve(token))

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.coinbase.living == 0

    def test_a_staged_revocation_whose_row_stands_is_kept_while_the_ledger_names_it(
        self, world: World, client: Client, token: str
    ) -> None:
        row = world.standing(token)
        world.life.line.stage_revocation(_context(), _staged(row))
        world.ledger.record(row.shard, row.binding.token_key)
        for _ in range(8):
            world.pass_time(3600)
            world.life.engine.upstream.sweep()
        assert world.spooled() == ["revocation"]
        assert client.connect("bob", world.coinbase.authorize("bob")).token_id

    def test_a_staged_revocation_that_never_happened_is_dropped_in_the_end(
        self, world: World, client: Client, token: str
    ) -> None:
        world.life.line.stage_revocation(_context(), _staged(world.standing(token)))
        world.sweep()
        assert world.spooled() == ["revocation"]

        for _ in range(4):
            world.pass_time(3600)
            world.life.engine.upstream.sweep()

        assert world.spooled() == []
        assert client.resolve(token).generation > 0

    def test_the_background_leaves_a_fresh_one_to_the_worker_that_staged_it(
        self, world: World, client: Client, token: str
    ) -> None:
        world.failpoints.at("revoke.after_delete", world.life.engine.upstream.sweep)

        assert client.revoke(token).upstream is Upstream.REVOKED
        assert world.coinbase.counts["revocations"] == 1


class TestDuringARefresh:
    def test_a_late_answer_is_revoked_upstream_and_the_row_stays_gone(
        self, world: World, client: Client, expired: str
    ) -> None:
        world.coinbase.meanwhile("refresh", lambda: client.revoke(expired))

        with pytest.raises(TokenNotFoundError):
            client.resolve(expired)
        world.sweep()

        assert world.rows.rows == {}
        assert world.coinbase.living == 0
        assert world.log.named("late_answer_unwanted") == [{"integration": "coinbase"}]
        assert world.coinbase.counts["revocations"] == 2
        assert world.spooled() == []

    def test_a_late_answer_is_revoked_for_as_long_as_that_fails(
        self, world: World, client: Client, expired: str
    ) -> None:
        world.coinbase.meanwhile("refresh", lambda: client.revoke(expired))
        world.coinbase.strike("revoke", OUTAGE, times=3)

        with pytest.raises(TokenNotFoundError):
            client.resolve(expired)
        assert world.spooled() == ["revocation", "unwanted"]
        for _ in range(6):
            world.sweep()
            world.pass_time(60)

        assert world.spooled() == []
        assert world.coinbase.living == 0

    def test_a_revoke_before_the_lease_means_that_nothing_is_sent(
        self, world: World, client: Client, expired: str
    ) -> None:
        world.weather.before("lease", lambda: client.revoke(expired))

        with pytest.raises(TokenNotFoundError):
            client.resolve(expired)

        assert world.coinbase.counts["refreshes"] == 0


def _context() -> CallContext:
    return CallContext("call-1", "key-1")


def _staged(row: TokenRow) -> StagedRevocation:
    return StagedRevocation(row.shard, row.binding, row.sealed, row.account_key, row.is_unsettled)
