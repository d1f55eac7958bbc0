"""What a supervisor does with real children that do not end, or do not start, as they are asked to."""

import os
import signal
from collections.abc import Callable, Sequence

from mmt_grpc.app.plan import ChildPlan, Pace
from mmt_grpc.app.supervisor import Supervisor
from tests.app.plans import plan
from tests.support.fakes_failure import RecordingLog

GRACE = 600.0


class Watch:
    """Told of children; `up` and `restarted` are the roles so far. `then` is called with each role that is up."""

    def __init__(self, then: Callable[["Watch", str], None]) -> None:
        self.ups: list[str] = []
        self.downs: list[str] = []
        self.again: list[str] = []
        self._then = then

    def up(self, role: str, *, is_up: bool) -> None:
        (self.ups if is_up else self.downs).append(role)
        self._then(self, role)

    def restarted(self, role: str) -> None:
        self.again.append(role)


def signals(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def supervisor(
    watch: Watch, log: RecordingLog, old: Sequence[ChildPlan], new: Sequence[ChildPlan], pace: Pace
) -> Supervisor:
    """Return one that begins to roll as soon as it serves."""
    return Supervisor(
        plans=old,
        environment=os.environ,
        log=log,
        serving=lambda: signals(signal.SIGHUP),
        watcher=watch,
        reload=lambda _: new,
        pace=pace,
    )


def test_a_supervisor_kills_an_exchanger_that_hangs_and_starts_the_next() -> None:
    log = RecordingLog()
    watch = Watch(lambda watch, _: signals(signal.SIGTERM) if len(watch.ups) == 2 else None)
    old, new = plan("exchanger", stubborn=True), plan("exchanger")

    assert supervisor(watch, log, [old], [new], Pace(exchanger_drain=0.2)).run()

    assert log.alarms == ["child_did_not_drain"]
    assert watch.again == []


def test_a_supervisor_kills_a_new_worker_that_hangs_at_its_start_and_keeps_the_old_one() -> None:
    log = RecordingLog()
    watch = Watch(lambda watch, _: signals(signal.SIGTERM) if watch.downs == ["worker-1"] else None)
    old, new = [plan("exchanger"), plan("worker-0")], [plan("worker-1", hanging=True)]

    assert supervisor(watch, log, old, new, Pace(start=0.5)).run()

    assert log.alarms == ["child_did_not_start", "roll_failed"]
    assert sorted(watch.ups) == ["exchanger", "worker-0"]
    assert watch.downs == ["worker-1"]
    assert watch.again == []


def test_a_supervisor_kills_a_new_exchanger_that_hangs_at_its_start_and_starts_one_as_before() -> None:
    log = RecordingLog()
    watch = Watch(lambda watch, _: signals(signal.SIGTERM) if len(watch.ups) == 2 else None)
    old, new = plan("exchanger"), plan("exchanger", hanging=True)

    assert supervisor(watch, log, [old], [new], Pace(exchanger_start=0.5)).run()

    assert log.alarms == ["child_did_not_start", "roll_failed"]
    assert watch.ups == ["exchanger", "exchanger"]
    assert watch.again == ["exchanger"]


def test_whoever_is_to_end_has_its_grace_at_a_stop_too() -> None:
    log = RecordingLog()
    plans = [plan("exchanger", grace=GRACE), plan("worker-0", grace=GRACE), plan("sandbox", grace=GRACE)]
    stopped = supervisor(Watch(lambda *_: None), log, plans, [], Pace(drain=0.0, exchanger_drain=0.0))
    stopped.serving = lambda: signals(signal.SIGTERM)

    assert stopped.run()
    assert log.alarms == []


def test_a_stop_while_no_exchanger_runs_does_not_say_that_all_is_drained() -> None:
    log = RecordingLog()
    watch = Watch(lambda watch, _: signals(signal.SIGTERM) if watch.downs == ["exchanger"] else None)
    stopped = supervisor(watch, log, [plan("exchanger", dying=True)], [], Pace(first_pause=600, longest_pause=600))

    assert not stopped.run()
    assert log.alarms == ["spool_not_drained"]


def test_a_stop_between_an_exchanger_that_has_drained_and_the_next_says_so() -> None:
    log = RecordingLog()
    watch = Watch(lambda watch, _: signals(signal.SIGTERM) if watch.downs == ["exchanger"] else None)

    assert supervisor(watch, log, [plan("exchanger")], [plan("exchanger")], Pace()).run()
    assert log.alarms == []
