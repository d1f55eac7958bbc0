"""A clock of the database that is set: what it wrote before stops nothing for a day, and hurries nothing."""

from dataclasses import replace

import pytest

from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.exchanger import Progress
from mmt_grpc.domain.ports.store import SEEN_FOR
from mmt_grpc.domain.token_row import LAST_OF_A_TOKEN, LEASE, TokenState
from mmt_grpc.exchange.heartbeat import SECONDS
from tests.support.fakes_exchange_faults import LOST_REQUEST, OUTAGE, Fault
from tests.support.fakes_world import OTHER, THIS, Client, Life, World

A_DAY = 86_400 * MICROSECONDS
ELSEWHERE = b"attempt-of-other"


def beat(world: World, *lives: Life, times: int = 4) -> None:
    """Have replicas beat, and settle what they find."""
    for _ in range(times):
        world.pass_time(SECONDS)
        for life in lives or (world.life,):
            life.beat()


def set_clock(world: World, shift: int, *lives: Life) -> None:
    """Set the database's clock; the replicas that live have noticed when this returns."""
    world.store.clock.shift = shift
    beat(world, *lives)


@pytest.fixture
def ahead(world: World) -> World:
    set_clock(world, A_DAY)
    return world


def test_a_replica_that_died_in_the_future_is_waited_for_as_long_as_any(world: World, client: Client) -> None:
    other = world.boot(OTHER)
    set_clock(world, A_DAY, world.life, other)
    token = client.new_token()

    set_clock(world, 0)
    waited = 4
    while world.standing(token).binding.generation == 1:
        beat(world, times=1)
        world.refresh(token)
        waited += 1
        assert waited < 100

    absence = SEEN_FOR / MICROSECONDS
    assert absence < waited * SECONDS <= absence + 60
    assert {event["replica"] for event in world.log.named("replica_redated")} == {OTHER.hex()}


def test_a_replica_that_beats_by_a_clock_that_is_ahead_is_left_to_say_itself_when_it_was_seen(world: World) -> None:
    (registered,) = world.store.replicas.list()
    beating = replace(registered.beat, owner=OTHER)
    for _ in range(5):
        world.store.clock.shift = A_DAY
        world.store.replicas.beat(beating)
        world.store.clock.shift = 0
        beat(world, times=1)

    seen = {replica.beat.owner: replica.seen_at for replica in world.store.replicas.list()}
    assert seen[OTHER] > seen[THIS] + A_DAY - 60 * MICROSECONDS
    assert world.log.named("replica_redated") == []


def test_a_lease_that_was_given_in_the_future_is_over(ahead: World, client: Client) -> None:
    token = client.new_token()
    row = ahead.standing(token)
    leased = replace(
        row,
        state=TokenState.REFRESHING,
        attempt_id=ELSEWHERE,
        lease_owner=OTHER,
        lease_until=ahead.rows.now() + LEASE,
    )
    ahead.rows.rows[row.shard, row.binding.token_key] = leased
    assert ahead.refresh(token).progress is Progress.RUNNING

    set_clock(ahead, 0)
    ahead.refresh(token)

    assert ahead.standing(token).state is TokenState.IN_DOUBT


def test_a_token_that_came_in_the_future_is_refreshed_before_it_is_handed_out(ahead: World, client: Client) -> None:
    refreshed = client.new_token("bob")
    ahead.pass_time(3600)
    connected = client.new_token()
    old = {token: client.token(token) for token in (refreshed, connected)}
    assert [ahead.standing(token).refreshed_at is None for token in old] == [False, True]

    set_clock(ahead, 0)

    for token, dead in old.items():
        assert client.token(token) != dead
        generation = ahead.standing(token).binding.generation
        assert client.token(token) != dead
        assert ahead.standing(token).binding.generation == generation


def test_a_token_that_came_in_the_future_is_handed_out_where_no_other_can_be_had(ahead: World, client: Client) -> None:
    token = client.new_token()
    alive = client.token(token)
    set_clock(ahead, 0)

    ahead.coinbase.strike("refresh", OUTAGE)

    assert client.token(token) == alive


def test_what_has_failed_in_the_future_is_tried_again(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.coinbase.strike("refresh", OUTAGE)
    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).backs_off(ahead.rows.now()) > 0

    set_clock(ahead, 0)

    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).binding.generation == 2


def test_who_was_seen_before_the_clock_jumped_ahead_is_waited_for_as_long_as_any(world: World, client: Client) -> None:
    token = client.new_token()
    other = world.boot(OTHER)
    world.pass_time(3550)
    beat(world, world.life, other)
    world.failpoints.arm("refresh.before_send")
    with pytest.raises(BaseException, match=r"refresh\.before_send"):
        world.refresh(token, life=other)
    world.pass_time(60)
    world.refresh(token)
    assert world.standing(token).doubt_owner == OTHER

    set_clock(world, A_DAY)
    waited = 10
    while world.standing(token).binding.generation == 1:
        beat(world, times=1)
        world.refresh(token)
        waited += 1
        assert waited < 100

    assert waited * SECONDS >= SEEN_FOR / MICROSECONDS


def test_a_lease_by_a_clock_that_has_just_jumped_is_not_sent(world: World, client: Client) -> None:
    token = client.new_token()
    beat(world)
    world.store.clock.shift = A_DAY

    assert world.refresh(token).progress is Progress.STARTED

    row = world.standing(token)
    assert (row.state, row.last_failure) == (TokenState.ACTIVE, "held_back")
    assert world.coinbase.counts["refreshes"] == 0
    assert world.log.named("database_clock_differs") == [{"seconds": 86_400, "against": "itself"}]
    assert world.refresh(token).progress is Progress.BACKING_OFF


def test_a_doubt_that_began_in_the_future_ends_as_any(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.pass_time(3550)
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)
    assert ahead.standing(token).state is TokenState.IN_DOUBT
    ends_at = ahead.standing(token).access_expires_at
    assert ends_at is not None

    set_clock(ahead, 0)
    assert ahead.refresh(token).progress is Progress.RUNNING
    left = (ahead.standing(token).access_expires_at or 0) - ahead.rows.now()
    assert 0 < left <= 50 * MICROSECONDS
    assert ahead.refresh(token).progress is Progress.BACKING_OFF
    ahead.pass_time(60)
    beat(ahead)

    assert ahead.refresh(token).progress is Progress.STARTED
    assert ahead.standing(token).binding.generation == 2
    assert ahead.coinbase.counts["reuses"] == 0


def test_a_doubt_that_began_in_the_future_of_a_token_that_came_before_waits_for_its_end(
    world: World, client: Client
) -> None:
    token = client.new_token()
    ends_at = world.standing(token).access_expires_at
    assert ends_at is not None
    world.pass_time(600)
    set_clock(world, A_DAY)
    world.coinbase.strike("refresh", LOST_REQUEST)
    world.refresh(token)
    assert world.standing(token).state is TokenState.IN_DOUBT

    set_clock(world, 0)
    assert world.refresh(token).progress is Progress.RUNNING

    row = world.standing(token)
    assert (row.access_expires_at, row.not_before) == (ends_at, ends_at - LAST_OF_A_TOKEN)


def test_a_doubt_is_not_dated_anew_by_a_clock_that_is_not_trusted(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)
    before = ahead.standing(token)
    ahead.store.clock.shift = 0
    beat(ahead, times=1)

    assert ahead.refresh(token).progress is Progress.BACKING_OFF

    assert ahead.standing(token) == before


def test_a_doubt_of_a_token_that_came_in_the_future_ends_soon(ahead: World, client: Client) -> None:
    token = client.new_token()
    set_clock(ahead, 0)
    ahead.coinbase.strike("refresh", LOST_REQUEST)
    ahead.refresh(token)

    assert ahead.refresh(token).progress is Progress.RUNNING

    left = (ahead.standing(token).access_expires_at or 0) - ahead.rows.now()
    assert left == LAST_OF_A_TOKEN
    assert ahead.refresh(token).progress is Progress.BACKING_OFF


@pytest.mark.parametrize(("method", "fault"), [("doubt", LOST_REQUEST), ("release", OUTAGE)])
def test_what_is_written_once_the_clock_is_set_back_waits_by_that_clock(
    ahead: World, client: Client, method: str, fault: Fault
) -> None:
    token = client.new_token()
    ahead.pass_time(3550)
    ahead.coinbase.strike("refresh", fault)
    # The store is away for a moment, and another server answers then.
    ahead.weather.refuse(method)
    ahead.weather.before(method, lambda: setattr(ahead.store.clock, "shift", 0))

    ahead.refresh(token)

    row = ahead.standing(token)
    assert row.failed_at is not None
    assert row.not_before is not None
    wait = row.not_before - row.failed_at
    assert wait <= (60 * MICROSECONDS if method == "release" else A_DAY + 60 * MICROSECONDS)
    assert wait < A_DAY or row.not_before == (row.access_expires_at or 0) - LAST_OF_A_TOKEN


def test_an_answer_that_the_clock_was_set_back_before_it_was_committed_is_of_the_future(
    ahead: World, client: Client
) -> None:
    token = client.new_token()
    ahead.pass_time(3600)
    ahead.coinbase.meanwhile("refresh", lambda: setattr(ahead.store.clock, "shift", 0))
    ahead.refresh(token)

    row = ahead.standing(token)
    assert row.binding.generation == 2
    assert row.came_at > ahead.rows.now() + A_DAY // 2


def test_an_answer_that_was_leased_in_the_future_is_settled_at_once(ahead: World, client: Client) -> None:
    token = client.new_token()
    ahead.pass_time(3600)
    ahead.failpoints.arm("refresh.before_commit")
    with pytest.raises(BaseException, match=r"refresh\.before_commit"):
        ahead.refresh(token)
    assert ahead.standing(token).binding.generation == 1

    ahead.store.clock.shift = 0
    ahead.life.engine.settling.settle_attempts(every=False)

    assert ahead.standing(token).binding.generation == 2


def test_what_is_settled_stays_on_disk_for_ten_minutes_wherever_the_clock_jumps(world: World, client: Client) -> None:
    token = client.new_token()
    world.pass_time(3600)
    world.refresh(token)
    world.pass_time(60)
    beat(world)
    assert world.spooled() == ["attempt"]

    set_clock(world, A_DAY)
    assert world.spooled() == ["attempt"]
    set_clock(world, 0)
    world.pass_time(700)
    beat(world)

    assert world.spooled() == []


def test_an_answer_whose_access_token_is_over_is_kept_though_the_clock_says_that_it_lives(
    world: World, client: Client
) -> None:
    """A failover took its lease back, so that the exchange is asked, and refuses a token whose time is over."""
    token = client.new_token()
    world.pass_time(3600)
    before = world.standing(token)
    world.failpoints.arm("refresh.before_commit")
    with pytest.raises(BaseException, match=r"refresh\.before_commit"):
        world.refresh(token)
    world.rows.rows[before.shard, before.binding.token_key] = before
    world.pass_time(3700)
    world.store.clock.shift = -A_DAY

    world.restart()
    beat(world, times=6)

    assert world.standing(token).binding.generation == 2
    assert world.refresh(token).progress is Progress.STARTED
    assert world.standing(token).binding.generation == 3
    assert world.coinbase.counts["reuses"] == 0


def test_a_replicas_name_stays_for_what_it_has_not_settled_though_a_lease_of_its_own_came_between(
    world: World, client: Client
) -> None:
    token = client.new_token()
    world.pass_time(3590)
    beat(world)
    row = world.standing(token)
    in_doubt = replace(
        row, state=TokenState.IN_DOUBT, doubt=ELSEWHERE, doubt_owner=THIS, failed_at=world.rows.now(), not_before=1
    )
    world.rows.rows[row.shard, row.binding.token_key] = in_doubt
    world.store.clock.shift = A_DAY

    # By a clock that has just jumped this replica itself has been gone for a day.
    assert world.refresh(token).progress is Progress.STARTED

    now = world.standing(token)
    assert (now.state, now.doubt, now.doubt_owner) == (TokenState.IN_DOUBT, ELSEWHERE, THIS)
    assert now.last_failure == "held_back"
    assert world.coinbase.counts["refreshes"] == 0


def test_what_a_connect_brought_before_the_clock_was_set_back_came_then(ahead: World, client: Client) -> None:
    ahead.coinbase.meanwhile("redeem", lambda: setattr(ahead.store.clock, "shift", 0))

    token = client.new_token()

    assert ahead.standing(token).came_at > ahead.rows.now() + A_DAY // 2
