"""A replica's part in a recovery: nobody waits for ever, and nothing new is let in before it has settled."""

from mmt_grpc.domain.ports.exchanger import Progress
from tests.support.fakes_world import OTHER, Client, World

ABSENCE = 600_000_000


def have_all_settled(world: World) -> bool:
    return world.store.replicas.have_recovered(world.rows.now() - ABSENCE)


class TestForgotten:
    def test_a_replica_that_was_forgotten_and_returns_settles_again(self, world: World, client: Client) -> None:
        engine, other = world.life.engine, world.boot(OTHER).engine
        engine.recovery.notice()
        assert engine.recovery.step()
        assert other.recovery.step()
        token = client.new_token()
        world.pass_time(3600)

        world.store.replicas.forget(OTHER)
        other.heartbeat.beat()
        assert not have_all_settled(world)
        assert other.recovery.step()

        assert have_all_settled(world)
        assert world.refresh(token).progress is Progress.STARTED
        assert world.standing(token).binding.generation == 2

    def test_one_that_is_not_registered_leases_nothing_before_its_next_beat(self, world: World, client: Client) -> None:
        engine = world.life.engine
        token = client.new_token()
        world.pass_time(3600)
        world.store.replicas.forget(world.life.parts.owner)

        assert not engine.recovery.step()
        assert world.refresh(token).progress is Progress.BACKING_OFF

        engine.heartbeat.beat()
        assert engine.recovery.step()
        assert world.refresh(token).progress is Progress.STARTED

    def test_what_a_failover_took_back_unnoticed_is_settled_again(self, world: World) -> None:
        engine, registry = world.life.engine, world.store.replicas
        other = world.boot(OTHER).engine
        before = dict(registry._settled)
        engine.recovery.notice()
        assert engine.recovery.step()
        assert other.recovery.step()

        registry._settled = before
        assert engine.recovery.step()
        assert other.recovery.step()

        assert have_all_settled(world)


class TestOpen:
    def test_nothing_is_let_in_before_it_is_settled(self, world: World, client: Client) -> None:
        engine, lanes = world.life.engine, world.life.lanes
        running, waiting = client.new_token(), client.new_token("bob")
        world.pass_time(3600)
        lanes.holds_back = True
        assert world.refresh(running).progress is Progress.STARTED

        engine.recovery.notice()
        assert not engine.recovery.step()
        assert world.refresh(waiting).progress is Progress.BACKING_OFF

        lanes.let_go()
        assert engine.recovery.step()
        assert world.refresh(waiting).progress is Progress.STARTED

    def test_so_it_is_where_another_has_opened_it(self, world: World, client: Client) -> None:
        engine, other = world.life.engine, world.boot(OTHER).engine
        running, waiting = client.new_token(), client.new_token("bob")
        world.pass_time(3600)
        world.life.lanes.holds_back = True
        assert world.refresh(running).progress is Progress.STARTED
        other.recovery.notice()
        assert other.recovery.step()

        assert not engine.recovery.step()
        assert world.refresh(waiting).progress is Progress.BACKING_OFF

    def test_what_has_only_queued_is_not_begun(self, world: World, client: Client) -> None:
        token = client.new_token()
        world.pass_time(3600)
        world.life.lanes.holds_back = True
        assert world.refresh(token).progress is Progress.STARTED
        version = world.standing(token).version

        world.life.engine.recovery.notice()
        world.life.lanes.let_go()

        assert world.standing(token).version == version
        assert world.coinbase.counts["refreshes"] == 0
