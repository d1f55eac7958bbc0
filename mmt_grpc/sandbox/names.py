"""Which texts can name an account or a scope in the sandbox."""

from __future__ import annotations

import re
import unicodedata

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
_ACCOUNT_LENGTH = 256


def is_account(text: str) -> bool:
    """1 to 256 characters, none of them a control character or half of a surrogate pair."""
    return 0 < len(text) <= _ACCOUNT_LENGTH and not any(unicodedata.category(c) in {"Cc", "Cs"} for c in text)


def is_scope(text: str) -> bool:
    """A scope-token of RFC 6749 section 3.3."""
    return _SCOPE.fullmatch(text) is not None
