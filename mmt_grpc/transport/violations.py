"""What is wrong with a request: protovalidate's rules and the domain's, as one kind of violation without values."""

from collections.abc import Callable, Mapping
from typing import Any, Final

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
_GRANT: Final = "grant"
_GRANT_FIELDS: Final = frozenset(
    {_GRANT} | {field.name for field in pb.ConnectRequest.DESCRIPTOR.oneofs_by_name[_GRANT].fields}
)
NOT_A_TIME: Final = "must be a time from year 1 to 9999"
NOT_A_DURATION: Final = "must be a duration"
NOT_A_SCOPE: Final = "must be names without spaces and control characters"


class Validator:
    """Checks requests; one per process, for its rules are compiled once."""

    def __init__(self, *, find_integration: Callable[[str], object] = lambda _: None) -> None:
        """`find_integration` raises unless tokens of an integration of this name are held."""
        self._rules = protovalidate.Validator()
        self._find_integration = find_integration

    def check(self, request: Message) -> None:
        """Raise `InvalidRequestError` with every field that is wrong, each named once by its dotted proto name.

        Where the grant alone is, the integration has the first word: to a wallet there is no grant to bring.
        """
        broken = self._rules.collect_violations(request)
        flaws = _FLAWS.get(type(request), _no_flaws)(request)
        if not broken and not flaws:
            return
        found: dict[str, Violation] = {}
        for violation in (*map(_described, broken), *flaws):
            found.setdefault(violation.field, violation)
        if isinstance(request, pb.ConnectRequest) and all(map(_is_of_grant, found)):
            self._find_integration(request.integration)
        raise InvalidRequestError(*found.values())


def _described(broken: protovalidate.Violation) -> Violation:
    proto = broken.proto
    elements = proto.field.elements if proto.field is not None else ()
    path = ".".join(element.field_name for element in elements) or "request"
    return Violation(path, SENTENCES.get(proto.rule_id, FALLBACK))


def _connect_flaws(request: pb.ConnectRequest) -> list[Violation]:
    flaws = _end_user_flaws(request.end_user_id)
    if not _is_time(request.oauth_tokens.expire_time):
        flaws.append(Violation("oauth_tokens.expire_time", NOT_A_TIME))
    if not _is_time(request.session.expire_time):
        flaws.append(Violation("session.expire_time", NOT_A_TIME))
    if not all(map(_is_scope_name, request.oauth_tokens.granted_scopes)):
        flaws.append(Violation("oauth_tokens.granted_scopes", NOT_A_SCOPE))
    return flaws


def _resolve_flaws(request: pb.ResolveRequest) -> list[Violation]:
    flaws = _end_user_flaws(request.end_user_id) if request.end_user_id else []
    # Whole seconds are protovalidate's; it takes nanoseconds as they come.
    if not 0 <= request.min_validity.nanos < NANOS:
        flaws.append(Violation("min_validity", NOT_A_DURATION))
    return flaws


def _no_flaws(_: Message) -> list[Violation]:
    return []


_FLAWS: Final[Mapping[type[Message], Callable[[Any], list[Violation]]]] = {
    pb.ConnectRequest: _connect_flaws,
    pb.ResolveRequest: _resolve_flaws,
}
"""What the domain asks of a request's form besides, by its type."""


def _is_of_grant(field: str) -> bool:
    return field.partition(".")[0] in _GRANT_FIELDS


def _end_user_flaws(end_user_id: str) -> list[Violation]:
    flaw = end_user.flaw(end_user_id)
    return [] if flaw is None else [Violation("end_user_id", flaw)]


def _is_time(timestamp: Timestamp) -> bool:
    return FIRST_SECOND <= timestamp.seconds <= LAST_SECOND and 0 <= timestamp.nanos < NANOS


def _is_scope_name(name: str) -> bool:
    return name.isprintable() and not any(char.isspace() for char in name)
