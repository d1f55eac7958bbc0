"""Timestamps and durations as the domain counts them: integers, microseconds."""

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mmt_grpc.domain.model import MICROSECONDS

NANOS_PER_MICROSECOND: Final = 1000


def microseconds(time: Timestamp | Duration) -> int:
    """Return a Unix time, or a length of time, in whole microseconds (rounded down)."""
    return time.seconds * MICROSECONDS + time.nanos // NANOS_PER_MICROSECOND


def timestamp(at: int | None) -> Timestamp | None:
    """Return a Unix time in microseconds as Timestamp; None stays None, which leaves a field unset."""
    if at is None:
        return None
    seconds, rest = divmod(at, MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * NANOS_PER_MICROSECOND)


def duration(length: int) -> Duration:
    """Return a length of time in microseconds, at least 0, as Duration."""
    seconds, rest = divmod(length, MICROSECONDS)
    return Duration(seconds=seconds, nanos=rest * NANOS_PER_MICROSECOND)
