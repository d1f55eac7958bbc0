"""Every call has a deadline: its caller's, the server's where there is none, and never one without end."""

from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.transport.admission import Places, admitted
from mmt_grpc.transport.arrival import Deadlines
from tests.transport.served import Client, Served
from tests.transport.stand_ins import GOOD, TOKEN_ID, BootClock

SECOND = 1_000_000
REQUEST = pb.RevokeRequest(token_id=TOKEN_ID)


def time_left(served: Served, client: Client, **arguments: Any) -> tuple[int, int]:
    """Return the call's deadline relative to just before and just after it was made."""
    before = BootClock().elapsed()
    client.tokens.Revoke(REQUEST, metadata=GOOD, **arguments)
    after = BootClock().elapsed()
    [(_, call, _)] = served.verbs.calls
    return call.deadline - after, call.deadline - before


def test_a_call_without_a_deadline_gets_ten_seconds(served: Served, client: Client) -> None:
    low, high = time_left(served, client)
    assert low <= 10 * SECOND <= high


def test_a_callers_deadline_is_kept(served: Served, client: Client) -> None:
    low, high = time_left(served, client, timeout=4)
    # gRPC rounds deadlines up a little on the wire.
    assert low <= 5 * SECOND
    assert 3 * SECOND < high < 9 * SECOND


def test_a_very_patient_caller_is_held_to_a_minute(served: Served, client: Client) -> None:
    low, high = time_left(served, client, timeout=7200)
    assert low <= 60 * SECOND <= high


@given(st.floats(min_value=0, max_value=1e19))
def test_no_deadline_is_longer_than_the_longest(remaining: float) -> None:
    assert 0 <= Deadlines().allow(remaining) <= 60 * SECOND


class Gone:
    def is_active(self) -> bool:
        return False


def test_a_call_that_nobody_waits_for_takes_no_place() -> None:
    def unwanted(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        pytest.fail("it was served all the same")

    gone: Any = Gone()
    room = Places(1)
    with pytest.raises(DeadlineError):
        admitted(unwanted, rooms=(room,))(b"", gone)
    assert room.take()
