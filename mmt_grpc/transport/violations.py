"""What is wrong with a request: protovalidate's rules and the domain's, as one kind of violation without values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import protovalidate
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.domain import end_user
from mmt_grpc.domain.errors import InvalidRequestError, Violation

FALLBACK: Final = "must be valid"
SENTENCES: Final[Mapping[str, str]] = {
    "required": "must be set",
    "string.min_len": "must not be empty",
    "string.max_len": "must not be longer than it may be",
    "string.max_bytes": "must not be longer than it may be",
    "string.pattern": "must be of the documented form",
    "repeated.max_items": "must not have more entries than it may have",
    "enum.defined_only": "must be one of the defined values",
    "enum.not_in": "must be set",
    "duration.gte_lte": "must be between 0 and 24 hours",
    "int64.gte": "must not be negative",
}
"""By protovalidate's rule ids: its own messages are not passed on, whatever they may hold one day."""

NANOS: Final = 1_000_000_000
FIRST_SECOND: Final = -62_135_596_800
"""0001-01-01T00:00:00Z, where google.protobuf.Timestamp begins."""
LAST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, where it ends."""
NOT_A_TIME: Final = "must be a time from year 1 to 9999"
NOT_A_DURATION: Final = "must be a duration"
NOT_A_SCOPE: Final = "must be names without spaces and control characters"


class _FieldElement(Protocol):
    field_name: str


class Validator:
    """Checks requests; one per process, for its rules are compiled once."""

    def __init__(self) -> None:
        self._rules = protovalidate.Validator()

    def check(self, request: Message) -> None:
        """Raise `InvalidRequestError` with every field that is wrong, each named once by its dotted proto name."""
        found: dict[str, Violation] = {}
        for violation in (*self._shape(request), *_domain(request)):
            found.setdefault(violation.field, violation)
        if found:
            raise InvalidRequestError(*found.values())

    def _shape(self, request: Message) -> Iterator[Violation]:
        for violation in self._rules.collect_violations(request):
            proto = violation.proto
            elements: Sequence[_FieldElement] = proto.field.elements if proto.field is not None else ()
            path = ".".join(element.field_name for element in elements) or "request"
            yield Violation(path, SENTENCES.get(proto.rule_id, FALLBACK))


def _domain(request: Message) -> Iterator[Violation]:
    match request:
        case pb.ConnectRequest():
            yield from _end_user(request.end_user_id)
            yield from _connect_times(request)
            if any(not _is_scope_name(name) for name in request.oauth_tokens.granted_scopes):
                yield Violation("oauth_tokens.granted_scopes", NOT_A_SCOPE)
        case pb.ResolveRequest():
            if request.end_user_id:
                yield from _end_user(request.end_user_id)
            # Whole seconds are protovalidate's; it takes nanoseconds as they come.
            if not 0 <= request.min_validity.nanos < NANOS:
                yield Violation("min_validity", NOT_A_DURATION)
        case _:
            return


def _end_user(end_user_id: str) -> Iterator[Violation]:
    flaw = end_user.flaw(end_user_id)
    if flaw is not None:
        yield Violation("end_user_id", flaw)


def _connect_times(request: pb.ConnectRequest) -> Iterator[Violation]:
    if not _is_time(request.oauth_tokens.expire_time):
        yield Violation("oauth_tokens.expire_time", NOT_A_TIME)
    if not _is_time(request.session.expire_time):
        yield Violation("session.expire_time", NOT_A_TIME)


def _is_time(timestamp: Timestamp) -> bool:
    return FIRST_SECOND <= timestamp.seconds <= LAST_SECOND and 0 <= timestamp.nanos < NANOS


def _is_scope_name(name: str) -> bool:
    return name.isprintable() and not any(char.isspace() for char in name)
