"""What a token endpoint's 200 says; nothing garbled passes for a token, and no token is lost to a garbled detail."""

import math
import re
from collections.abc import Mapping
from typing import Final

from mmt_grpc.domain.model import BearerToken
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.message import Answer

LONGEST_LIFE: Final = 10 * 365 * 24 * 3600.0
"""Seconds; a longer life is none that was meant."""

_TOKEN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?")
"""RFC 6749 appendix A: visible ASCII; at most 8 KiB, as the contract has it."""
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_ACCOUNT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")


class GarbledError(Exception):
    """The answer is a success and yet says nothing that can be kept; the text never quotes it."""

    def __init__(self) -> None:
        super().__init__("the answer is garbled")


def fields_of(answer: Answer) -> Mapping[str, object]:
    """Return the answer's JSON object; raises `GarbledError` if it is none."""
    if answer.fields is None:
        raise GarbledError
    return answer.fields


def read_tokens(answer: Answer) -> Issued:
    """Read RFC 6749 section 5.1; raises `GarbledError` without a usable bearer token.

    A lifetime or scope that cannot be read is not said, since the token behind it may be the only one there is.
    """
    fields = fields_of(answer)
    kind = fields.get("token_type")
    if kind is not None and not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise GarbledError
    renewal = fields.get("refresh_token")
    return Issued(
        credential=BearerToken(read_token(fields.get("access_token"))),
        renewal=None if renewal is None or renewal == "" else read_token(renewal),
        expires_in=read_seconds(fields.get("expires_in")),
        granted_scopes=read_scopes(fields.get("scope")),
        renewal_expires_in=read_seconds(fields.get("refresh_token_expires_in")),
    )


def read_token(value: object) -> Secret:
    """Read a token; raises `GarbledError` for what cannot be one."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise GarbledError
    return Secret(value)


def read_seconds(value: object) -> float | None:
    """Read a lifetime, a number or a text of one; None for null, a negative, an absurd or an unreadable one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer may be too long for a float; a float may be infinite. Neither survives the comparison.
    return (
        float(value)
        if math.isfinite(value if isinstance(value, float) else 0.0) and 0 <= value <= LONGEST_LIFE
        else None
    )


def read_scopes(value: object) -> tuple[str, ...] | None:
    """Read granted scopes: a text separated by spaces or commas, or a list of texts; None where nothing is said.

    What is said and cannot be read grants nothing.
    """
    if value is None or value == "":
        return None
    entries = re.split(r"[\s,]+", value.strip(" ,")) if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(
        isinstance(entry, str) and _SCOPE.fullmatch(entry) for entry in entries
    ):
        return ()
    return tuple(dict.fromkeys(entries))


def read_account(value: object) -> str:
    """Read an account's id, a text or a whole number; raises `GarbledError` for anything else."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _ACCOUNT.fullmatch(text):
        raise GarbledError
    return text


def at_path(fields: Mapping[str, object], path: str) -> object:
    """Return what stands at a dotted path, None if nothing does."""
    found: object = fields
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
