"""One installation for all tests of a process; each test brings its own users."""

import itertools
import os
from collections.abc import Callable

import pytest

from tests.support.dev import shared_dev

__all__ = ["shared_dev"]
_NUMBERS = itertools.count()


@pytest.fixture
def someone() -> Callable[[], str]:
    """Give out names that no other test has."""
    return lambda: f"cli-{os.getpid()}-{next(_NUMBERS)}"
