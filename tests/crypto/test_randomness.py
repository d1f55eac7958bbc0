"""Random bytes and jitter from the operating system."""

import pytest

from mmt_grpc.crypto.randomness import SystemRandomness


def test_random_bytes_come_in_the_asked_number_and_never_twice() -> None:
    randomness = SystemRandomness()
    assert [len(randomness.random_bytes(count)) for count in (0, 1, 12, 32)] == [0, 1, 12, 32]
    assert len({randomness.random_bytes(16) for _ in range(1000)}) == 1000


def test_jitter_reaches_both_ends_and_stays_between() -> None:
    randomness = SystemRandomness()
    assert {randomness.jitter(5, 8) for _ in range(1000)} == {5, 6, 7, 8}
    assert randomness.jitter(3, 3) == 3
    with pytest.raises(ValueError, match="Upper bound"):
        randomness.jitter(2, 1)
