"""Requests and responses as plain values, with the strict readings that the exchanges need."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class UnreadableError(Exception):
    """A request that cannot be read as what the endpoint takes; its text is a fixed sentence."""


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names in lower case, `query` still encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = field(repr=False, default=b"")

    @cached_property
    def form(self) -> dict[str, str]:
        """The body of a form; RFC 6749 section 3.2 forbids repeated parameters."""
        if self._media_type() != "application/x-www-form-urlencoded":
            raise UnreadableError("the body must be application/x-www-form-urlencoded")
        return _pairs(self.body)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, none of them twice."""
        return _pairs(self.query.encode("ascii", "replace"))

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; the content type is not looked at."""
        try:
            value = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise UnreadableError("the body must be a JSON object") from None
        if not isinstance(value, dict):
            raise UnreadableError("the body must be a JSON object")
        return value

    @property
    def bearer(self) -> str | None:
        """The token of an `Authorization: Bearer` header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    @property
    def basic(self) -> tuple[str, str] | None:
        """Client id and secret of an `Authorization: Basic` header (form-encoded, RFC 6749 section 2.3.1)."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (unquote_plus(user), unquote_plus(password)) if colon else None

    def _media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Response:
    """One HTTP response, and what is to happen to it on its way."""

    status: int
    body: bytes = field(repr=False, default=b"")
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds to wait before answering."""
    dropped: bool = False
    """Close the connection instead of answering."""


def json_response(status: int, value: object, *headers: tuple[str, str]) -> Response:
    """A JSON answer that nobody may cache."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, body, (("Content-Type", "application/json; charset=utf-8"), *NO_STORE, *headers))


def _pairs(data: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise UnreadableError("the parameters cannot be decoded") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError("a parameter is there twice")
    return found


def _refuse_constant(_text: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")
