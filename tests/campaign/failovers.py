"""Failovers of the database as faults: its replica takes over while rotations go on, and the old primary follows it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.campaign.failover_pair import FailoverPair
from tests.campaign.faults import await_moment
from tests.campaign.fleet import Fleet


@dataclass
class Failovers:
    """The primary is killed, or frozen and then killed, or replaced as planned; its replica takes over.

    From the takeover until the old one is back every commit of the fleet hangs: a primary without a replica
    acknowledges nothing.
    """

    fleet: Fleet
    pair: FailoverPair
    chance: random.Random

    def cycle(self) -> str:
        # What was acknowledged survives only where the replica has it, and each further commit waits for the replica.
        self.pair.await_step()
        await_moment(self.fleet, self.chance)
        kinds: Mapping[str, Callable[[], None]] = {
            "killed": self._killed,
            "frozen": self._frozen,
            "planned": self.pair.switch_over,
        }
        kind = self.chance.choice(sorted(kinds))
        kinds[kind]()
        return f"failover, {kind}"

    def _killed(self) -> None:
        self.pair.kill()
        time.sleep(self.chance.random() * 0.5)
        self._replaced()

    def _frozen(self) -> None:
        process = self.pair.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        # Mostly short; now and then longer than a statement is waited for.
        time.sleep(self.chance.choice((0.1, 0.5, 1.0, 4.0)) * (0.5 + self.chance.random()))
        # One that woke up later would still answer those who are connected to it.
        self.pair.kill()
        self._replaced()

    def _replaced(self) -> None:
        self.pair.take_over()
        # As long as nothing follows the new primary, commits hang there; some longer than their clients wait, and they
        # are done all the same in the end.
        time.sleep(self.chance.choice((0.0, 0.0, 1.0, 6.0)) * (0.5 + self.chance.random()))
        self.pair.bring_back()
