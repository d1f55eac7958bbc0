"""How many of a worker's calls may wait for providers: never all of them."""

import contextlib
from collections.abc import Iterator

import pytest

from mmt_grpc.app.worker_wiring import REVOKING_SHARE, WAITING_SHARE, room_for
from mmt_grpc.domain.waiting_room import WaitingRoom
from mmt_grpc.settings.slices import LimitsSlice

PROVIDERS = ("coinbase", "uphold", "binance", "acme")


def limits(max_calls: int, refresh_waiters: int) -> LimitsSlice:
    return LimitsSlice(
        max_calls=max_calls,
        revoke_slots=16,
        refresh_waiters=refresh_waiters,
        default_deadline=10.0,
        max_connection_age=None,
    )


def crowd(room: WaitingRoom, providers: tuple[str, ...], stack: contextlib.ExitStack) -> list[int]:
    """Have calls wait for one provider after the other, as many as it takes; return how many found a place."""
    return [sum(1 for _ in _placed(room, name, stack)) for name in providers]


def _placed(room: WaitingRoom, name: str, stack: contextlib.ExitStack) -> Iterator[None]:
    while stack.enter_context(room.place(name)):
        yield


@pytest.mark.parametrize(
    ("max_calls", "refresh_waiters", "expected"),
    [
        (128, 64, [64, 32, 0, 0]),
        (128, 128, [64, 32, 0, 0]),
        (128, 10, [10, 10, 10, 10]),
        (8, 8, [4, 2, 0, 0]),
        (1, 1, [1, 0, 0, 0]),
    ],
)
def test_all_providers_together_get_three_quarters_and_one_of_them_half_of_all(
    max_calls: int, refresh_waiters: int, expected: list[int]
) -> None:
    room = room_for(refresh_waiters, share=WAITING_SHARE, limits=limits(max_calls, refresh_waiters))
    with contextlib.ExitStack() as stack:
        assert crowd(room, PROVIDERS, stack) == expected
    with contextlib.ExitStack() as stack:
        assert crowd(room, PROVIDERS, stack) == expected


def test_waiting_revokes_leave_places_as_well() -> None:
    defaults = limits(128, 64)
    waiting = room_for(defaults.refresh_waiters, share=WAITING_SHARE, limits=defaults)
    revoking = room_for(defaults.refresh_waiters // 2, share=REVOKING_SHARE, limits=defaults)
    with contextlib.ExitStack() as stack:
        taken = sum(crowd(waiting, PROVIDERS, stack)) + sum(crowd(revoking, PROVIDERS, stack))

    # Revokes have these places before their own.
    assert taken == defaults.max_calls - 8
