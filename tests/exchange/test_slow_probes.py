"""A provider that answers probes slowly keeps neither a start nor anybody's leases, and each answer gets its turn."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mmt_grpc.domain.model import MICROSECONDS, Credential, Liveness
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.asking import LOOKED_AT, PATIENCE
from mmt_grpc.exchange.settling import CHECKED_AFTER
from tests.exchange.overtaken import condemn, refreshed_in_vain
from tests.support.fakes_world import Client, World

SLOW = 9
"""Seconds that a slow provider takes for a probe, within what a request to it may take."""
MANY = 6


def take(
    world: World, patch: pytest.MonkeyPatch, integration: str, seconds: float, into: list[str] | None = None
) -> list[str]:
    """Have a provider take so long for each probe; return who is asked, as it happens."""
    asked, provider = list[str]() if into is None else into, world.providers[integration]
    probe = provider.probe

    def probed(credential: Credential) -> Liveness:
        asked.append(integration)
        world.pass_time(seconds)
        return probe(credential)

    patch.setattr(provider, "probe", probed)
    return asked


def waiting(world: World, tokens: Sequence[str]) -> int:
    """Return how many still want their users to log in."""
    return sum(world.standing(token).state is TokenState.REAUTHENTICATION for token in tokens)


def round_of(world: World, number: int) -> float:
    """Have the background do a round a second later; return the seconds that the round took."""
    world.pass_time(1)
    began = world.clock.elapsed()
    world.life.engine.upkeep._round(number, is_woken=False)
    return (world.clock.elapsed() - began) / MICROSECONDS


def rounds_until_mended(world: World, tokens: Sequence[str], *, most: int) -> list[float]:
    """Have the background do rounds until no answer waits, at most so many; return how long each took, in seconds."""
    took = list[float]()
    while waiting(world, tokens) and len(took) < most:
        took.append(round_of(world, len(took) + 1))
    assert not waiting(world, tokens)
    return took


def left(world: World, client: Client, *integrations: str) -> list[str]:
    """Return tokens that were condemned while this replica's disk held answers for them, some time ago."""
    tokens = refreshed_in_vain(world, client, MANY, *integrations)
    condemn(world, tokens)
    world.clock.advance(CHECKED_AFTER)
    return tokens


@pytest.fixture
def slow(world: World, client: Client) -> list[str]:
    """Tokens that only answers on the disk of this replica could mend, as their provider would have to say."""
    return left(world, client, "coinbase")


def test_a_start_waits_for_one_slow_probe(world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked, began = take(world, monkeypatch, "coinbase", SLOW), world.clock.elapsed()

    world.restart()

    assert (len(asked), world.clock.elapsed() - began) == (1, SLOW * MICROSECONDS)
    assert waiting(world, slow) == MANY - 1


def test_a_recovery_waits_for_one_slow_probe_however_many_providers_are_slow(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(world, client, "coinbase", "uphold")
    asked = take(world, monkeypatch, "coinbase", SLOW), take(world, monkeypatch, "uphold", SLOW)
    world.life.engine.recovery.notice()

    assert world.life.engine.recovery.step()

    assert sum(map(len, asked)) == 1


def test_a_round_waits_for_quick_probes_a_moment_only(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = take(world, monkeypatch, "coinbase", PATIENCE / MICROSECONDS / 2)

    world.restart()

    assert (len(asked), waiting(world, slow)) == (2, MANY - 2)


def test_what_a_start_left_is_settled_in_the_next_rounds(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(world, monkeypatch, "coinbase", SLOW)
    world.restart()

    took = rounds_until_mended(world, slow, most=100)

    assert max(took) == SLOW
    # It was left alone for as long as each probe took: recoveries found the background free.
    assert 0 < sum(took) <= len(took) + 2 * SLOW


def test_quick_probes_that_a_start_left_do_not_wait_for_the_next_check(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(world, monkeypatch, "coinbase", PATIENCE / MICROSECONDS / 2)
    world.restart()

    assert len(rounds_until_mended(world, slow, most=9)) == (MANY - 2) / 2


def test_slow_providers_are_asked_by_turns(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = left(world, client, "coinbase", "uphold")
    asked = list[str]()
    for integration in ("coinbase", "uphold"):
        take(world, monkeypatch, integration, SLOW, asked)
    world.restart()

    rounds_until_mended(world, tokens, most=200)

    assert all({*asked[n : n + 2]} == {"coinbase", "uphold"} for n in range(0, 2 * MANY, 2))


def test_who_waited_longest_for_its_turn_comes_first(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(world, client, "coinbase", "uphold")
    asked = list[str]()
    for integration in ("coinbase", "uphold"):
        take(world, monkeypatch, integration, SLOW, asked)
    world.restart()
    settlement = world.life.engine.settling.settlement
    records = settlement.attempt_log.read().records

    turns = [record.intent.integration for record in settlement.asking.in_turn(records, every=True)]

    (first,) = {"coinbase", "uphold"} - {*asked}
    assert turns == [first] * MANY + asked * MANY


def test_an_answer_whose_probe_always_fails_keeps_no_other_from_its_turn(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, odd = world.providers["coinbase"], list[Credential]()
    probe = provider.probe

    def probed(credential: Credential) -> Liveness:
        if credential in (odd or [credential]):
            odd[:] = [credential]
            raise ProviderError(Failure.NOT_CONSUMED, integration="coinbase")
        return probe(credential)

    monkeypatch.setattr(provider, "probe", probed)
    world.restart()
    for number in range(1, 100):
        round_of(world, number)

    assert waiting(world, slow) == 1


def test_who_drains_a_disk_asks_about_all_that_is_on_it(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(world, monkeypatch, "coinbase", SLOW)
    world.restart()

    world.life.engine.upkeep.finish_asking(300 * MICROSECONDS)

    assert not waiting(world, slow)
    assert world.life.engine.stop()


def test_a_drain_that_takes_too_long_ends(world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = take(world, monkeypatch, "coinbase", SLOW)
    world.restart()

    world.life.engine.upkeep.finish_asking(3 * SLOW * MICROSECONDS)

    assert 1 < len(asked) < MANY
    assert waiting(world, slow) == MANY - len(asked)


def test_what_waits_for_its_turn_is_not_looked_at_in_every_round(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(world, monkeypatch, "coinbase", SLOW)
    world.restart()
    looks = len(world.log.named("answer_settled"))
    assert looks == MANY

    for number in range(1, SLOW):
        round_of(world, number)

    assert len(world.log.named("answer_settled")) == looks
    assert waiting(world, slow) == MANY - 1


def test_a_row_that_changes_while_its_answer_waits_is_looked_at_soon(
    world: World, slow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(credential: Credential) -> Liveness:
        del credential
        raise ProviderError(Failure.NOT_CONSUMED, integration="coinbase")

    monkeypatch.setattr(world.providers["coinbase"], "probe", fail)
    world.restart()
    reinstated = next(token for token in slow if world.standing(token).state is TokenState.REAUTHENTICATION)
    row = world.standing(reinstated)
    world.rows.rows[row.shard, row.binding.token_key] = replace(row, state=TokenState.ACTIVE, reason=None)

    for number in range(1, LOOKED_AT // MICROSECONDS + 1):
        round_of(world, number)

    assert world.standing(reinstated).binding.generation == row.binding.generation + 1
