"""What a Revoke says of the exchange, and how long it is tried there until it is done."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError, TokenNotFoundError
from mmt_grpc.domain.model import MICROSECONDS, Upstream
from tests.support.fakes_exchange_faults import LOST_ANSWER, OUTAGE, Fault
from tests.support.fakes_world import OTHER, Client, World


class TestUpstream:
    def test_verified_is_revoked(self, client: Client, token: str) -> None:
        assert client.revoke(token).upstream is Upstream.REVOKED

    @pytest.mark.parametrize("upstream", [Upstream.ACCEPTED, Upstream.UNSUPPORTED])
    def test_what_the_exchange_said_is_what_is_said(
        self, world: World, client: Client, token: str, upstream: Upstream
    ) -> None:
        world.providers["coinbase"].upstream = upstream

        assert client.revoke(token).upstream is upstream
        assert world.spooled() == []

    def test_a_refusal_is_failed_and_tried_again_until_it_is_done(
        self, world: World, client: Client, token: str
    ) -> None:
        credential = client.resolve(token).credential
        world.coinbase.strike("revoke", OUTAGE, times=3)

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}
        assert world.spooled() == ["revocation"]
        for _ in range(8):
            world.sweep()
            world.pass_time(60)

        assert not world.coinbase.is_alive(credential)
        assert world.spooled() == []

    def test_it_is_tried_again_after_a_restart(self, world: World, client: Client, token: str) -> None:
        credential = client.resolve(token).credential
        world.coinbase.strike("revoke", OUTAGE)
        client.revoke(token)

        world.restart()
        world.sweep()
        world.sweep()

        assert not world.coinbase.is_alive(credential)

    def test_retries_become_rarer(self, world: World, client: Client, token: str) -> None:
        world.providers["coinbase"].upstream = Upstream.FAILED
        client.revoke(token)

        for _ in range(24 * 6):
            world.pass_time(600)
            world.life.engine.upstream.sweep()

        tries = len(world.log.named("revoked_upstream"))
        assert 20 < tries < 50
        assert world.spooled() == ["revocation"]

    @pytest.mark.parametrize("fault", [LOST_ANSWER, None])
    def test_with_a_refresh_in_flight_or_in_doubt_it_is_at_most_accepted(
        self, world: World, client: Client, token: str, fault: Fault | None
    ) -> None:
        world.pass_time(3570)
        if fault is None:
            row = world.standing(token)
            world.rows.lease(row, attempt_id=bytes(16), owner=OTHER, lease_for=MICROSECONDS)
        else:
            world.coinbase.strike("refresh", LOST_ANSWER)
            client.resolve(token)
        assert world.standing(token).is_unsettled

        assert client.revoke(token).upstream is Upstream.ACCEPTED
        assert world.rows.rows == {}

    def test_an_exchanger_that_is_down_does_not_keep_the_row(self, world: World, client: Client, token: str) -> None:
        world.life.line.is_up = False

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}

    def test_what_the_disk_does_not_keep_is_said_to_be_failed_and_not_tried_again(
        self, world: World, client: Client, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise StoreUnavailableError

        credential = client.resolve(token).credential
        with monkeypatch.context() as full:
            full.setattr(world.life.engine.upstream.spool, "put", refuse)
            assert client.revoke(token).upstream is Upstream.FAILED
        for _ in range(10):
            world.sweep()
            world.pass_time(60)

        assert (world.rows.rows, world.spooled()) == ({}, [])
        assert world.coinbase.is_alive(credential)
        assert set(world.log.alarms) == {"revocation_not_kept"}

    def test_an_unreadable_row_is_deleted_all_the_same(self, world: World, client: Client, token: str) -> None:
        row = world.standing(token)
        world.rows.rows[row.shard, row.binding.token_key] = replace(
            row, sealed=replace(row.sealed, access_blob=bytes(80), metadata_blob=bytes(80))
        )

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.rows.rows == {}
        with pytest.raises(TokenNotFoundError):
            client.revoke(token)

    def test_an_integration_configured_no_more_is_failed(self, world: World, client: Client, token: str) -> None:
        del world.providers["coinbase"]

        assert client.revoke(token).upstream is Upstream.FAILED
        assert world.spooled() == ["revocation"]
