"""One request to an exchange and one answer of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from mmt_grpc.providers.endpoint import Endpoint

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


_MOST_DIGITS: Final = 64
"""Of a whole number; Python refuses those of some thousand, and a detail must not cost the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; nothing of it but the method is ever shown."""

    method: str
    endpoint: Endpoint = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | None = field(repr=False, default=None)
    content_type: str = FORM


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: `headers` by lower-case name; nothing of it but the status is ever shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def fields(self) -> Mapping[str, object] | None:
        """The body as a JSON object, None if it is none. What is no number anybody means reads as null."""
        try:
            read: object = json.loads(self.body.decode("utf-8"), parse_int=_whole, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    @property
    def error(self) -> str | None:
        """The error that the body names, in any of the shapes seen; None if it names none.

        `{"error": "…"}` (RFC 6749), `{"errors": [{"id": "…"}]}` (Coinbase), `{"code": -2015}` (Binance),
        `{"code": "…"}` (Uphold).
        """
        fields = self.fields or {}
        errors = fields.get("errors")
        listed = errors[0].get("id") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
        for name in (fields.get("error"), listed, fields.get("code")):
            if isinstance(name, str) or (isinstance(name, int) and not isinstance(name, bool)):
                return str(name)
        return None


def form(fields: Mapping[str, str]) -> bytes:
    """Encode a form; empty values are left out. No value can end its own field."""
    return urlencode({name: value for name, value in fields.items() if value}, errors="surrogatepass").encode("ascii")


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= _MOST_DIGITS else None
