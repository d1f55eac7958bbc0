"""What an exchange's answer means for what was sent: the one table of failures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.providers.message import Answer

IM_A_TEAPOT: Final = 418
"""Binance's ban of an address that went on after 429."""
LONGEST_WAIT: Final = 3600.0
"""Seconds; a Retry-After beyond it is asked about again after it."""
LONGEST_BAN: Final = 3 * 24 * 3600.0
"""Seconds; what Binance documents as its longest ban."""

_RATE_LIMITED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, IM_A_TEAPOT})
_OTP_ERRORS: Final = frozenset({"two_factor_required", "otp_required"})
_LIMIT_ERRORS: Final = frozenset({"slow_down", "-1003"})
_SECONDS: Final = re.compile(r"[0-9]{1,12}")

_OUR_CLIENT: Final = {"invalid_client": Failure.OUR_OUTAGE, "unauthorized_client": Failure.OUR_OUTAGE}
_NOT_NOW: Final = {"temporarily_unavailable": Failure.NOT_CONSUMED, "slow_down": Failure.NOT_CONSUMED}
_DEAD_TOKEN: Final = {
    "invalid_grant": Failure.PERMANENT,
    "invalid_token": Failure.PERMANENT,
    "expired_token": Failure.PERMANENT,
    "revoked_token": Failure.PERMANENT,
}


_WRONG_URL: Final[Mapping[int, Failure]] = {
    HTTPStatus.NOT_FOUND: Failure.OUR_OUTAGE,
    HTTPStatus.METHOD_NOT_ALLOWED: Failure.OUR_OUTAGE,
    HTTPStatus.GONE: Failure.OUR_OUTAGE,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the 4xx answers of one kind of request mean: by the error they name, else by status, else `otherwise`.

    A refusal that explains nothing did nothing, and nothing more is read into it. It may be a firewall's, or the
    exchange's word for a token that a client brought: neither may end a user's grant, and neither may pass for an
    outage of ours, which holds up everybody.
    """

    errors: Mapping[str, Failure]
    statuses: Mapping[int, Failure]
    otherwise: Failure = Failure.NOT_CONSUMED


CODE: Final = Rules(
    errors=_OUR_CLIENT | _NOT_NOW | _DEAD_TOKEN,
    # Code, redirect_uri and verifier are the caller's: a bad request of them is theirs.
    statuses={
        **_WRONG_URL,
        HTTPStatus.BAD_REQUEST: Failure.PERMANENT,
        HTTPStatus.UNPROCESSABLE_ENTITY: Failure.PERMANENT,
    },
)
REFRESH: Final = Rules(errors=_OUR_CLIENT | _NOT_NOW | _DEAD_TOKEN, statuses=_WRONG_URL)
LOGIN: Final = Rules(
    errors={"invalid_credentials": Failure.PERMANENT},
    statuses={
        **_WRONG_URL,
        HTTPStatus.BAD_REQUEST: Failure.PERMANENT,
        HTTPStatus.UNAUTHORIZED: Failure.PERMANENT,
        HTTPStatus.UNPROCESSABLE_ENTITY: Failure.PERMANENT,
    },
)
LOOKUP: Final = Rules(errors=_NOT_NOW, statuses={**_WRONG_URL, HTTPStatus.UNAUTHORIZED: Failure.PERMANENT})
REVOCATION: Final = Rules(errors=_OUR_CLIENT | _NOT_NOW, statuses={}, otherwise=Failure.PERMANENT)


def classify(answer: Answer, rules: Rules) -> Failure:
    """Return what became of the request that got an answer other than success."""
    status = answer.status
    if status in _RATE_LIMITED or status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Failure.NOT_CONSUMED
    if not is_refusal(answer):
        return Failure.AMBIGUOUS
    if status == HTTPStatus.REQUEST_TIMEOUT:
        # It may be a proxy's word for a slow exchange.
        return Failure.AMBIGUOUS
    if wants_otp(answer):
        return Failure.OTP_REQUIRED
    named = rules.errors.get(answer.error or "")
    return named if named is not None else rules.statuses.get(status, rules.otherwise)


def is_refusal(answer: Answer) -> bool:
    """Whether the status is a 4xx: the exchange has understood, and said no."""
    return HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def wants_otp(answer: Answer) -> bool:
    """Whether a one-time password is asked for: Coinbase's 402, Uphold's `OTP-Token: Required`, the login's error."""
    return (
        answer.status == HTTPStatus.PAYMENT_REQUIRED
        or answer.error in _OTP_ERRORS
        or answer.headers.get("otp-token", "").strip().lower() == "required"
    )


def is_rate_limited(answer: Answer) -> bool:
    """Whether the exchange limits the rate."""
    return answer.status in _RATE_LIMITED or answer.error in _LIMIT_ERRORS


def is_ban(answer: Answer) -> bool:
    """Whether the exchange shuts our address out, whatever is asked of it."""
    return answer.status == IM_A_TEAPOT


def is_unexplained(answer: Answer, rules: Rules) -> bool:
    """Whether this is a refusal of which no rule knows the meaning."""
    is_known = answer.error in rules.errors or answer.status in rules.statuses
    return is_refusal(answer) and not is_known and not is_rate_limited(answer)


def retry_after(answer: Answer, *, now: float) -> float | None:
    """Return the seconds of Retry-After (seconds or an HTTP date), capped; None if it says nothing readable."""
    text = answer.headers.get("retry-after", "").strip()
    most = LONGEST_BAN if is_ban(answer) else LONGEST_WAIT
    if _SECONDS.fullmatch(text):
        return min(float(text), most)
    try:
        date = parsedate_to_datetime(text)
        # A date without a zone is GMT, as RFC 9110 has it.
        at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at - now), most)
