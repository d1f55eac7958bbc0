"""Waiting for what will happen: polled, with a deadline that only a failure ever reaches."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
_PAUSE = 0.02


def until(answer: Callable[[], T | None], what: str, *, patience: float = PATIENCE) -> T:
    """Ask until the answer is true, and return it."""
    give_up = time.monotonic() + patience
    while not (value := answer()):
        if time.monotonic() > give_up:
            raise AssertionError(f"never happened: {what}")
        time.sleep(_PAUSE)
    return value
