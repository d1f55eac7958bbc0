"""Strict readings of a control body: every refusal names its field and repeats no value."""

from __future__ import annotations

import math
import re
from typing import Any

from mmt_grpc.sandbox.names import is_account

_TEXT_LENGTH = 8192
_NAME_LENGTH = 64
_LIST_LENGTH = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class FieldError(Exception):
    """One field of a control body is wrong; its text is the answer's."""


class Fields:
    """The fields of one body, read one by one; `done` refuses whatever was not asked for."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._read: set[str] = set()

    def account(self) -> str:
        """The mandatory `account`."""
        account = self.text("account")
        if not is_account(account):
            raise FieldError("account: must be 1 to 256 characters without control characters")
        return account

    def text(self, name: str) -> str:
        """A mandatory string of 1 to 8192 characters."""
        value = self._take(name)
        if not isinstance(value, str) or not 0 < len(value) <= _TEXT_LENGTH or _SURROGATE.search(value):
            raise FieldError(f"{name}: must be a string of 1 to {_TEXT_LENGTH} characters")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string that may be missing or null."""
        return None if self._take(name) is None else self.text(name)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of a few strings."""
        value = self._take(name)
        if value not in allowed:
            raise FieldError(f"{name}: must be one of {', '.join(allowed)}")
        return str(value)

    def optional_choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """One of a few strings, or missing."""
        return None if self._take(name) is None else self.choice(name, allowed)

    def optional_seconds(self, name: str, *, most: float) -> float | None:
        """A positive number of seconds, fractions allowed, or missing."""
        value = self._take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise FieldError(f"{name}: must be a number of seconds above 0 and up to {math.floor(most)}")
        return float(value)

    def count(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 0."""
        value = self._take(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise FieldError(f"{name}: must be a whole number from 0 to {most}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise FieldError(f"{name}: must be true or false")
        return value

    def optional_texts(self, name: str) -> list[str] | None:
        """A list of up to 100 strings, or missing."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > _LIST_LENGTH or not all(isinstance(v, str) and v for v in value):
            raise FieldError(f"{name}: must be a list of up to {_LIST_LENGTH} strings")
        return list(value)

    def done(self) -> None:
        """Refuse fields that nothing reads: a misspelt one would silently do nothing."""
        for name in self._body.keys() - self._read:
            known = ", ".join(sorted(self._read))
            raise FieldError(f"{name[:_NAME_LENGTH]}: is not known here; known are {known}")

    def _take(self, name: str) -> object:
        self._read.add(name)
        return self._body.get(name)
