"""One line of the audit log: its fields, its canonical bytes, its place in the chain."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mmt_grpc.domain.ports.audit import AuditRecord

FORMAT: Final = "mmt-audit/1"
START: Final = "0" * 64
"""The `previous` of the first header of a role: nothing came before."""

RECORD_FIELDS: Final = (
    "seq",
    "time",
    "call_id",
    "caller",
    "client_id",
    "method",
    "phase",
    "token_key",
    "end_user_key",
    "integration",
    "generation",
    "outcome",
    "reason",
    "key_epoch",
    "previous",
    "hash",
)
"""The members of a record in their order; those that do not apply are absent."""
HEADER_FIELDS: Final = ("seq", "time", "format", "role", "life", "predecessor", "skipped", "previous", "hash")
"""The members of a file's first line in their order."""

_SEALED: Final = re.compile(rb'\A(\{"seq":\d+,.*),"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\Z', re.DOTALL)
_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_quote: Final = json.encoder.encode_basestring_ascii
_NANOSECONDS: Final = 1_000_000_000


def timestamp(nanoseconds: int) -> str:
    """Return Unix nanoseconds as RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@functools.lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    """Return a second's text: remembered, for each record of that second pays for it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def encode(record: AuditRecord, nanoseconds: int) -> str:
    """Return a record's own members as the inside of a JSON object, ASCII only; the chain puts its own around them.

    Written out by hand: each Resolve pays for it, and a dictionary and an encoder cost twice as much. `TypeError` for
    what should be a text and is none.
    """
    inside = (
        f'"time":"{timestamp(nanoseconds)}","call_id":{_quote(record.call_id)},"caller":{_quote(record.caller)}'
        f',"client_id":{_quote(record.client_id)},"method":{_quote(record.method)},"phase":{_quote(record.phase)}'
    )
    if record.token_key is not None:
        inside += f',"token_key":"{record.token_key.hex()}"'
    if record.end_user_key is not None:
        inside += f',"end_user_key":"{record.end_user_key.hex()}"'
    if record.integration is not None:
        inside += f',"integration":{_quote(record.integration)}'
    if record.generation is not None:
        inside += f',"generation":{record.generation:d}'
    if record.outcome is not None:
        inside += f',"outcome":{_quote(record.outcome)}'
    if record.reason is not None:
        inside += f',"reason":{_quote(record.reason)}'
    if record.key_epoch is not None:
        inside += f',"key_epoch":{record.key_epoch:d}'
    return inside


def encode_header(members: Mapping[str, object]) -> str:
    """Return a header's own members as the inside of a JSON object."""
    return _ENCODE(dict(members))[1:-1]


def seal(seq: int, inside: str, previous: str) -> tuple[bytes, str]:
    """Return the finished line, line break included, and its hash.

    The canonical bytes that are hashed are the line as it stands without its last member, `hash`.
    """
    canonical = f'{{"seq":{seq},{inside},"previous":"{previous}"'.encode("ascii")
    digest = hashlib.sha256(canonical + b"}").hexdigest()
    return b'%s,"hash":"%s"}\n' % (canonical, digest.encode("ascii")), digest


def check(line: bytes) -> tuple[Mapping[str, object], str, str] | None:
    """Return a line's members, `previous` and `hash` if it is whole and its hash is right, else None."""
    sealed = _SEALED.match(line)
    if sealed is None:
        return None
    canonical = line[: sealed.start(3) - len(b',"hash":"')] + b"}"
    digest = sealed[3].decode("ascii")
    if hashlib.sha256(canonical).hexdigest() != digest:
        return None
    try:
        members = json.loads(line)
    except ValueError:
        return None
    return (members, sealed[2].decode("ascii"), digest) if isinstance(members, dict) else None
