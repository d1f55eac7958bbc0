"""A provider's rate limit in the store: what is left of a sliding window is given once, whoever asks."""

import bisect
import contextlib
import multiprocessing
import random

import pytest

from mmt_grpc.domain.ports.store import Taken, Terms
from mmt_grpc.store import open_store
from tests.store.backends import Backend, Database
from tests.store.material import MINUTE
from tests.store.test_races import RACERS, race

WINDOW = 64 * MINUTE
TERMS = Terms(limit=50, window=WINDOW)
SCHEDULED = Terms(limit=50, window=WINDOW, reserved=10)
SPACED = Terms(limit=50, window=WINDOW, spacing=MINUTE)


def ask(backend: Backend, *, count: int = 1, terms: Terms = TERMS, integration: str = "uphold") -> Taken | int:
    return backend.budgets.take(integration, count=count, terms=terms)


def given(backend: Backend, *, count: int = 1, terms: Terms = TERMS) -> int:
    """Return how many were given."""
    taken = ask(backend, count=count, terms=terms)
    return taken.count if isinstance(taken, Taken) else 0


def refused(backend: Backend, *, terms: Terms = TERMS) -> int:
    """Return the wait that is named where nothing is left."""
    wait = ask(backend, terms=terms)
    assert isinstance(wait, int)
    return wait


def test_all_of_the_limit_may_be_taken_at_once(backend: Backend) -> None:
    before = backend.tokens.now()
    taken = ask(backend, count=50)

    assert isinstance(taken, Taken)
    assert taken.count == 50
    assert before <= taken.now <= backend.tokens.now()
    assert given(backend) == 0


def test_fewer_are_given_if_fewer_are_left(backend: Backend) -> None:
    assert [given(backend, count=20) for _ in range(4)] == [20, 20, 10, 0]


def test_the_wait_of_a_refusal_is_a_window_and_a_bucket_at_most_and_enough(backend: Backend) -> None:
    given(backend, count=50)
    wait = refused(backend)
    assert WINDOW - MINUTE < wait <= WINDOW + TERMS.bucket

    backend.clock.shift = wait

    assert given(backend, count=50) == 50


def test_what_was_taken_counts_for_a_whole_window(backend: Backend) -> None:
    given(backend, count=50)
    # As tests take time themselves, this is a little before the end of it.
    backend.clock.shift = WINDOW - MINUTE

    assert refused(backend) > 0


def test_what_was_taken_comes_back_bucket_by_bucket(backend: Backend) -> None:
    for number in range(5):
        backend.clock.shift = number * 10 * MINUTE
        given(backend, count=10)
    assert refused(backend) <= 26 * MINUTE

    backend.clock.shift = WINDOW + 3 * MINUTE
    assert given(backend, count=50) == 10
    backend.clock.shift = WINDOW + 23 * MINUTE
    assert given(backend, count=50) == 20


def test_a_refusal_takes_nothing(backend: Backend) -> None:
    given(backend, count=50)
    backend.clock.shift = 32 * MINUTE
    refused(backend)
    backend.clock.shift = WINDOW + 3 * MINUTE

    assert given(backend, count=50) == 50


def test_what_is_reserved_is_left_to_the_others(backend: Backend) -> None:
    assert given(backend, count=50, terms=SCHEDULED) == 40
    assert refused(backend, terms=SCHEDULED) > 0
    assert given(backend, count=50) == 10


def test_what_the_others_took_counts_for_all(backend: Backend) -> None:
    given(backend, count=45)
    backend.clock.shift = 10 * MINUTE
    given(backend, count=5)

    # Ten have to come back before one may be taken.
    assert WINDOW - 12 * MINUTE < refused(backend, terms=SCHEDULED) <= WINDOW - 10 * MINUTE + TERMS.bucket


def test_a_clock_that_was_set_back_blocks_for_no_more_than_a_window(backend: Backend) -> None:
    backend.clock.shift = 10 * WINDOW
    assert given(backend, count=50) == 50

    backend.clock.shift = 0
    wait = refused(backend)
    assert wait <= WINDOW + TERMS.bucket
    backend.clock.shift = wait // 2
    assert refused(backend) <= wait // 2 + MINUTE
    backend.clock.shift = wait

    assert given(backend, count=50) == 50


def test_a_clock_that_was_set_back_holds_for_no_longer_than_was_asked(backend: Backend) -> None:
    backend.clock.shift = 10 * WINDOW
    assert given(backend) == 1
    backend.budgets.postpone("uphold", 5 * MINUTE)

    backend.clock.shift = 0
    assert 4 * MINUTE < refused(backend) <= 6 * MINUTE
    backend.clock.shift = 6 * MINUTE

    assert given(backend) == 1


def test_a_wait_that_is_asked_for_after_the_clock_was_set_back_counts_from_now(backend: Backend) -> None:
    backend.clock.shift = 10 * WINDOW
    assert given(backend) == 1
    backend.clock.shift = 0
    assert given(backend) == 1
    backend.budgets.postpone("uphold", MINUTE)

    assert 0 < refused(backend) <= MINUTE


def test_spacing_keeps_a_distance_from_whatever_was_taken_last(backend: Backend) -> None:
    assert given(backend, terms=SPACED) == 1
    assert 0 < refused(backend, terms=SPACED) <= MINUTE
    backend.clock.shift = MINUTE
    assert given(backend) == 1
    assert refused(backend, terms=SPACED) > 0
    backend.clock.shift = 2 * MINUTE

    assert given(backend, terms=SPACED) == 1


def test_each_integration_has_a_budget_of_its_own(backend: Backend) -> None:
    given(backend, count=50)

    assert isinstance(ask(backend, integration="coinbase"), Taken)


def test_a_provider_that_says_when_to_come_back_is_left_alone_until_then(backend: Backend) -> None:
    backend.budgets.postpone("uphold", MINUTE)

    assert 0 < refused(backend) <= MINUTE
    backend.clock.shift = MINUTE
    assert given(backend, count=50) == 50


def test_a_postponement_is_never_brought_forward(backend: Backend) -> None:
    backend.budgets.postpone("uphold", 10 * MINUTE)
    backend.budgets.postpone("uphold", 5 * MINUTE)
    backend.clock.shift = 6 * MINUTE

    assert refused(backend) > 0


def test_a_limit_that_was_lowered_holds_at_once(backend: Backend) -> None:
    given(backend, count=40)
    lower = Terms(limit=30, window=WINDOW)
    wait = refused(backend, terms=lower)
    backend.clock.shift = wait

    assert given(backend, count=50, terms=lower) == 30


def test_another_window_counts_what_was_taken_before(backend: Backend) -> None:
    given(backend, count=40)

    assert given(backend, count=50, terms=Terms(limit=50, window=2 * WINDOW)) == 10


@pytest.mark.parametrize("seed", range(3))
def test_no_window_ever_holds_more_than_the_limit(backend: Backend, seed: int) -> None:
    chance, taken = random.Random(seed), list[int]()
    for _ in range(200):
        terms = chance.choice([TERMS, SCHEDULED, SPACED])
        answer = ask(backend, count=chance.choice([1, 5, 60]), terms=terms)
        if isinstance(answer, Taken):
            taken += [answer.now] * answer.count
            backend.clock.shift += int(chance.expovariate(1) * MINUTE)
        else:
            # Just before one may be had, or just when: those are the moments to be wrong at.
            backend.clock.shift += chance.choice([answer, max(0, answer - chance.randrange(2 * MINUTE))])

    assert len(taken) > 200
    assert most_in_a_window(taken) <= TERMS.limit


def most_in_a_window(taken: list[int], window: int = WINDOW) -> int:
    """Return how many lie in the fullest window, both of its ends included."""
    return max(bisect.bisect_right(taken, at + window) - number for number, at in enumerate(taken))


@pytest.mark.parametrize("count", [0, -1])
def test_one_or_more_are_taken(backend: Backend, count: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        ask(backend, count=count)


@pytest.mark.parametrize(
    ("limit", "window", "reserved"), [(0, 1, 0), (1, 0, 0), (5, 1, 5), (5, 1, -1), (1 << 32, 1, 0)]
)
def test_a_limit_leaves_something(limit: int, window: int, reserved: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Terms(limit=limit, window=window, reserved=reserved)


def test_many_threads_never_take_more_than_is_left(backend: Backend) -> None:
    def often() -> int:
        return sum(given(backend) for _ in range(8))

    assert sum(count for count in race(*[often for _ in range(RACERS)]) if isinstance(count, int)) == 50


def take_in_another_process(url: str) -> int:
    with contextlib.closing(open_store(url)) as store:
        answers = [store.budgets.take("uphold", count=3, terms=TERMS) for _ in range(60)]
        return sum(answer.count for answer in answers if isinstance(answer, Taken))


def test_two_processes_never_take_more_than_is_left(opened: Database) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sum(pool.map(take_in_another_process, [opened.url] * 2, chunksize=1)) == 50


def test_a_row_of_the_version_before_has_taken_nothing_yet(opened: Database) -> None:
    opened.query(
        "INSERT INTO provider_budget (integration, window_began_at, leased, version, next_at) "
        "VALUES ('uphold', 0, 0, 7, 3)"
    )

    assert given(opened.backend(), count=60) == 50
