"""What the validated protos leave to conversion: it fails closed, should a check before it ever be missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain.errors import InvalidRequestError
from mmt_grpc.transport.conversion import normalised
from mmt_grpc.transport.grants import grant_of
from mmt_grpc.transport.times import duration, microseconds, timestamp

YEAR_1, YEAR_9999 = -62_135_596_800_000_000, 253_402_300_799_999_999


def test_no_grant_is_a_malformed_request() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        grant_of(pb.ConnectRequest())
    assert [violation.field for violation in caught.value.violations] == ["grant"]


def test_no_token_id_is_a_malformed_request() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        normalised("0a1b2c3d")
    assert [violation.field for violation in caught.value.violations] == ["token_id"]


@given(st.integers(min_value=YEAR_1, max_value=YEAR_9999))
def test_no_microsecond_is_lost_on_the_wire(at: int) -> None:
    message = timestamp(at)
    assert message is not None
    assert microseconds(message) == at
    assert 0 <= message.nanos < 10**9


@given(st.integers(min_value=0, max_value=10**15))
def test_lengths_of_time_come_back_too(length: int) -> None:
    assert microseconds(duration(length)) == length


def test_no_time_stays_none() -> None:
    assert timestamp(None) is None
