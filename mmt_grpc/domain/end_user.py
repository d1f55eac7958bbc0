"""What a client may call its end users: compared exactly, so nothing that looks the same may pass as the same."""

import unicodedata
from typing import Final

MAX_CODE_POINTS: Final = 256
_BIDIRECTIONAL: Final = frozenset(
    chr(point) for point in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_BYTE_ORDER_MARK: Final = "\ufeff"


def flaw(end_user_id: str) -> str | None:
    """Return what is wrong with an end user id as a fixed sentence, None if it is acceptable."""
    if not end_user_id:
        return "must not be empty"
    if len(end_user_id) > MAX_CODE_POINTS:
        return f"must have at most {MAX_CODE_POINTS} code points"
    if any(unicodedata.category(char) == "Cc" for char in end_user_id):
        return "must not contain control characters"
    if any(char in _BIDIRECTIONAL or char == _BYTE_ORDER_MARK for char in end_user_id):
        return "must not contain bidirectional controls or byte order marks"
    if any(unicodedata.category(char) == "Cs" for char in end_user_id):
        return "must be valid Unicode"
    if not unicodedata.is_normalized("NFC", end_user_id):
        return "must be in Unicode NFC"
    return None
