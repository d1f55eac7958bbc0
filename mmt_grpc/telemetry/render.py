"""The two forms of an event's line."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from mmt_grpc.telemetry.fields import Plain

_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_NANOSECONDS: Final = 1_000_000_000
_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_COLOURS: Final = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_HEAD: Final = ("time", "level", "event", "process")


def as_json(event: Mapping[str, Plain]) -> str:
    """Return an event as one JSON object, ASCII only; `time` (Unix nanoseconds) becomes RFC 3339 with milliseconds."""
    return _ENCODE({**event, "time": f"{_moment(event):%Y-%m-%dT%H:%M:%S}.{_milliseconds(event):03d}Z"})


def for_terminal(event: Mapping[str, Plain]) -> str:
    """Return an event as a coloured line in UTC: time, level, process, event, then the fields."""
    level = str(event["level"])
    parts = [
        f"{_DIM}{_moment(event):%H:%M:%S}.{_milliseconds(event):03d}{_RESET}",
        f"{_COLOURS.get(level, '')}{level:7}{_RESET}",
        f"{_DIM}{_text(event.get('process', ''))}{_RESET}",
        f"{_BOLD}{_text(event['event'])}{_RESET}",
    ]
    parts += [f"{_DIM}{name}={_RESET}{_text(value)}" for name, value in event.items() if name not in _HEAD]
    return " ".join(parts)


def _text(value: Plain) -> str:
    """Return a value so that no control character of it reaches the terminal."""
    if isinstance(value, str) and value.isprintable() and " " not in value:
        return value
    return _ENCODE(value)


def _moment(event: Mapping[str, Plain]) -> datetime:
    return datetime.fromtimestamp(_unix(event) // _NANOSECONDS, UTC)


def _milliseconds(event: Mapping[str, Plain]) -> int:
    return _unix(event) % _NANOSECONDS // 1_000_000


def _unix(event: Mapping[str, Plain]) -> int:
    time = event["time"]
    return time if isinstance(time, int) else 0
