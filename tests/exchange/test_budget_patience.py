"""A budget whose store is slow: whoever waits for those that ask before waits as long as it said, and no longer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mmt_grpc.domain.ports.store import Taken, Terms
from mmt_grpc.exchange.budget import Budget, Rate
from mmt_grpc.telemetry.clock import BootClock

LONG = 60
"""Seconds that no test waits for unless it fails."""
PATIENCE = 20_000


class SlowBudgets:
    """A store that answers once it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.questions = 0

    def take(self, integration: str, *, count: int, terms: Terms) -> Taken | int:
        del integration, terms
        self.questions += 1
        self.asked.set()
        assert self.go.wait(LONG)
        return Taken(count=count, now=1)

    def postpone(self, integration: str, wait: int) -> None:
        raise AssertionError((integration, wait))


@contextmanager
def asking(budgets: SlowBudgets, budget: Budget) -> Iterator[None]:
    """Have somebody else wait for the store's answer for as long as the block lasts."""
    other = threading.Thread(target=lambda: budget.take(demand=True, patience=PATIENCE))
    other.start()
    try:
        assert budgets.asked.wait(LONG)
        yield
    finally:
        budgets.go.set()
        other.join(LONG)


def test_whoever_waits_behind_a_slow_answer_is_refused_when_its_patience_ends() -> None:
    budgets, waits = SlowBudgets(), list[int]()
    budget = Budget(integration="uphold", rate=Rate(50, 300), budgets=budgets, clock=BootClock())
    with asking(budgets, budget):
        waiting = threading.Thread(target=lambda: waits.append(budget.take(demand=True, patience=PATIENCE)))
        waiting.start()
        waiting.join(LONG / 4)
        is_answered = not waiting.is_alive()
    waiting.join(LONG)

    assert is_answered
    assert waits[0] > 0
    assert budgets.questions == 1


def test_once_the_store_has_answered_the_next_may_ask() -> None:
    budgets = SlowBudgets()
    budget = Budget(integration="uphold", rate=Rate(50, 300), budgets=budgets, clock=BootClock())
    with asking(budgets, budget):
        assert budget.take(demand=True, patience=0) > 0

    assert budget.take(demand=True, patience=PATIENCE) == 0
