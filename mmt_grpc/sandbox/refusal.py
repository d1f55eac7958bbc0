"""Why the books refuse a code, a token, a login or a key; each exchange words it its own way."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong with what was presented."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    SPENT = "spent"
    DEAD = "dead"
    REDIRECT_MISMATCH = "redirect_mismatch"
    VERIFIER_MISMATCH = "verifier_mismatch"
    BAD_LOGIN = "bad_login"
    OTP_WANTED = "otp_wanted"


class RefusedError(Exception):
    """Nothing was granted; carries the reason and never the text that was presented."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
