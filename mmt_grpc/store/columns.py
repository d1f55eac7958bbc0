"""What a statement's parameters may be, by the name of the column they go into.

A server takes a `str` for a binary column, pads a short key and, were it lax, cuts a long one, all without a word. So
every value is checked here first, and a wrong one is a `TypeError` or `ValueError` that names the column alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY_BYTES: Final = 32
ID_BYTES: Final = 16
MAX_BLOB: Final = (1 << 16) - 1
MAX_WRAPPED_KEY: Final = 512
MAX_INTEGRATION: Final = 63
MAX_NAME: Final = 255
MAX_LIST: Final = 1024
MAX_FAILURE: Final = 32
SPENT_BYTES: Final = 780
_DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type, whether NULL may stand for it, and the least and greatest length of what has one."""

    type: type
    nullable: bool = False
    shortest: int = 0
    longest: int = 0


_KEY: Final = Kind(bytes, shortest=KEY_BYTES, longest=KEY_BYTES)
_OPTIONAL_KEY: Final = Kind(bytes, nullable=True, shortest=KEY_BYTES, longest=KEY_BYTES)
_ID: Final = Kind(bytes, shortest=ID_BYTES, longest=ID_BYTES)
_WRAPPED: Final = Kind(bytes, shortest=1, longest=MAX_WRAPPED_KEY)
_BLOB: Final = Kind(bytes, shortest=1, longest=MAX_BLOB)
_OPTIONAL_BLOB: Final = Kind(bytes, nullable=True, shortest=1, longest=MAX_BLOB)
_NUMBER: Final = Kind(int)
_OPTIONAL_NUMBER: Final = Kind(int, nullable=True)
_LABEL: Final = Kind(str, shortest=1, longest=MAX_NAME)

_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        ("token_key", "identity_key", "end_user_key", "client_key", "request_key", "content_mac", "mac"), _KEY
    ),
    **dict.fromkeys(("account_key", "optional_token_key"), _OPTIONAL_KEY),
    "index_check": _KEY,
    **dict.fromkeys(("attempt_id", "owner", "life", "event_id", "installation_id", "ledger_id"), _ID),
    **dict.fromkeys(("access_key", "renewal_key"), _WRAPPED),
    **dict.fromkeys(("access_blob", "metadata_blob"), _BLOB),
    **dict.fromkeys(("renewal_blob",), _OPTIONAL_BLOB),
    **dict.fromkeys(
        (
            "access_expires_at",
            "renewal_expires_at",
            "next_refresh_at",
            "oldest_spooled_at",
        ),
        _OPTIONAL_NUMBER,
    ),
    **dict.fromkeys(("key_id", "client_id", "name", "kind", "mode"), _LABEL),
    "integration": Kind(str, shortest=1, longest=MAX_INTEGRATION),
    "after_integration": Kind(str, longest=MAX_INTEGRATION),
    **dict.fromkeys(("access_epochs", "renewal_epochs"), Kind(str, longest=MAX_LIST)),
    "last_failure": Kind(str, nullable=True, shortest=1, longest=MAX_FAILURE),
    "spent": Kind(bytes, shortest=SPENT_BYTES, longest=SPENT_BYTES),
    "payload": Kind(str, longest=MAX_NAME),
}


def check(parameters: Mapping[str, object]) -> None:
    """Raise unless every value fits the column that its name says, numbered where there are several; any other name is
    a number's.
    """
    for name, value in parameters.items():
        kind = _KINDS.get(name.rstrip(_DIGITS), _NUMBER)
        if value is None and kind.nullable:
            continue
        if type(value) is not kind.type:
            raise TypeError(f"{name} is {kind.type.__name__}, not {type(value).__name__}")
        if isinstance(value, (bytes, str)):
            length = len(value) if isinstance(value, bytes) else len(value.encode())
            if not kind.shortest <= length <= kind.longest:
                raise ValueError(f"{name} has {kind.shortest} to {kind.longest} bytes, not {length}")


def text(value: str | bytes) -> str:
    """Return a label as text: SQLite gives text back, a server the bytes of its binary column."""
    return value if isinstance(value, str) else value.decode()
