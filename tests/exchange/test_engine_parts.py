"""The engine's small parts: lanes, back-off, lifetimes, the heartbeat, and how it starts and stops."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.domain.model import MICROSECONDS, BearerToken
from mmt_grpc.domain.ports.providers import Failure, Issued, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange import backoff, lifetimes
from mmt_grpc.exchange.lanes import Lanes
from tests.support.fakes_clock import SeededRandomness
from tests.support.fakes_exchange_faults import REFUSED
from tests.support.fakes_world import OTHER, THIS, Client, World

ISSUED = Issued(BearerToken(Secret("access")), Secret("renewal"), 3600.0, None)


class TestLanes:
    def test_a_key_that_runs_is_not_started_again(self) -> None:
        lanes, go, ran = Lanes(), threading.Event(), list[str]()

        def work() -> None:
            go.wait()
            ran.append("once")

        assert lanes.start("coinbase", b"1", work)
        assert not lanes.start("coinbase", b"1", work)
        assert lanes.is_running(b"1")
        go.set()
        lanes.close()

        assert ran == ["once"]
        assert not lanes.is_running(b"1")

    def test_a_full_lane_takes_nothing_and_no_other_lane_notices(self) -> None:
        lanes, go = Lanes(threads=1, longest_queue=2), threading.Event()
        other = threading.Event()

        taken = [lanes.start("coinbase", bytes([number]), lambda: _wait(go)) for number in range(3)]
        assert lanes.start("uphold", b"other", other.set)

        assert taken == [True, True, False]
        assert other.wait(60)
        go.set()
        lanes.close()

    def test_what_fails_frees_its_key(self) -> None:
        lanes = Lanes()

        assert lanes.start("coinbase", b"1", _fail)
        lanes.close()

        assert lanes.count() == 0

    def test_a_closed_one_takes_nothing(self) -> None:
        lanes = Lanes()
        lanes.close()

        assert not lanes.start("coinbase", b"1", _fail)


class TestBackoff:
    @given(failures=st.integers(0, 1000), seed=st.integers())
    def test_it_is_never_nothing_and_never_too_long(self, failures: int, seed: int) -> None:
        wait = backoff.wait_after(None, failures=failures, randomness=SeededRandomness(seed))

        assert 0 < wait <= backoff.LONGEST

    @given(asked=st.floats(0, 1e12), failures=st.integers(0, 20))
    def test_it_is_what_the_provider_asked_at_least_within_reason(self, asked: float, failures: int) -> None:
        error = ProviderError(Failure.NOT_CONSUMED, integration="coinbase", retry_after=asked)

        wait = backoff.wait_after(error, failures=failures, randomness=SeededRandomness())

        assert wait >= min(int(asked * MICROSECONDS), backoff.LONGEST_ASKED)
        assert wait <= max(backoff.LONGEST, backoff.LONGEST_ASKED)


class TestLifetimes:
    @given(seconds=st.floats(0, 1e300), sent_at=st.integers(0, 2**50))
    def test_an_absurd_life_is_cut(self, seconds: float, sent_at: int) -> None:
        expires_at = lifetimes.expiry(replace(ISSUED, expires_in=seconds), sent_at=sent_at, refreshable=True)

        assert expires_at is not None
        assert sent_at <= expires_at <= sent_at + lifetimes.LONGEST_LIFETIME * MICROSECONDS

    def test_a_time_that_the_grant_names_goes_before_a_life(self) -> None:
        assert lifetimes.expiry(replace(ISSUED, expires_at=5), sent_at=1, refreshable=True) == 5

    @given(life=st.integers(0, 10**13), seed=st.integers())
    def test_the_next_refresh_lies_well_ahead_of_the_expiry(self, life: int, seed: int) -> None:
        at = lifetimes.next_refresh(life, now=0, refreshable=True, randomness=SeededRandomness(seed))

        if life < lifetimes.ON_DEMAND_BELOW:
            assert at is None
            return
        assert at is not None
        assert life // 2 <= at <= life - min(life // 4, lifetimes.LATEST_AHEAD)
        assert at >= life - lifetimes.EARLIEST_AHEAD

    def test_what_does_not_expire_or_cannot_be_refreshed_has_none(self) -> None:
        randomness = SeededRandomness()

        assert lifetimes.next_refresh(None, now=0, refreshable=True, randomness=randomness) is None
        assert lifetimes.next_refresh(10**12, now=0, refreshable=False, randomness=randomness) is None

    def test_the_life_of_a_refresh_token_is_kept_where_it_is_known(self) -> None:
        assert lifetimes.renewal_expiry(ISSUED, sent_at=5) is None
        known = replace(ISSUED, renewal_expires_in=2.0)
        assert lifetimes.renewal_expiry(known, sent_at=5) == 5 + 2 * MICROSECONDS


class TestHeartbeat:
    def test_it_says_what_the_replica_does(self, world: World, client: Client) -> None:
        token = client.connect("alice", world.coinbase.authorize("alice")).token_id
        world.pass_time(3570)
        world.life.lanes.holds_back = True
        client.resolve(token)
        world.life.engine.heartbeat.beat()

        (replica,) = world.store.replicas.list()
        assert (replica.beat.owner, replica.beat.life) == (THIS, world.life.parts.life)
        assert (replica.beat.running_attempts, replica.beat.oldest_spooled_at) == (1, None)
        assert replica.beat.access_epochs == replica.beat.renewal_epochs == (1, 2)
        assert replica.seen_at == world.rows.now()

    def test_replicas_stand_beside_each_other(self, world: World) -> None:
        world.boot(OTHER)

        assert {replica.beat.owner for replica in world.store.replicas.list()} == {THIS, OTHER}


class TestProcess:
    def test_it_starts_works_in_the_background_and_stops(self, world: World, client: Client) -> None:
        engine = world.life.engine
        world.coinbase.strike("account", REFUSED)
        done = threading.Event()
        world.coinbase.meanwhile("revoke", done.set)

        engine.start()
        with pytest.raises(Exception, match="GRANT_REJECTED"):
            client.connect("alice", world.coinbase.authorize("alice"))
        assert done.wait(60)
        engine.stop()

        assert world.coinbase.living == 0
        assert {thread.name for thread in threading.enumerate()}.isdisjoint({"heartbeat", "upstream"})

    def test_a_record_that_cannot_be_opened_does_not_keep_it_from_starting(self, world: World) -> None:
        spool = world.directory / THIS.decode() / "spool"
        (spool / f"grant-{bytes(32).hex()}.record").write_bytes(b"?" * 200)

        world.restart()

        assert world.log.alarms == ["grant_unreadable"]
        assert world.spooled() == ["grant"]

    def test_a_sweep_that_fails_is_an_alarm_and_not_the_end(self, world: World) -> None:
        upstream, again = world.life.engine.upstream, threading.Event()
        (world.directory / THIS.decode() / "spool").rename(world.directory / "elsewhere")
        thread = threading.Thread(target=upstream.run)
        thread.start()
        while not world.log.alarms:
            again.wait(0.001)
        world.life.parts.stopping.set()
        upstream.wake()
        thread.join()

        assert set(world.log.alarms) == {"revocation_sweep_failed"}


def _wait(event: threading.Event) -> None:
    event.wait()


def _fail() -> None:
    raise ZeroDivisionError
