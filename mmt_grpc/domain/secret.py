"""A secret is a type of its own: it cannot be printed, pickled or compared by accident."""

import hmac
from typing import NoReturn

MASK = "Secret(***)"


class Secret:
    """A text that must not leak: opened only by `reveal()`, whose callers a test lists."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap `text`; a `TypeError` names the wrong type, never the value."""
        if not isinstance(text, str):
            raise TypeError(f"a secret is a str, not {type(text).__name__}")
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> NoReturn:
        raise TypeError("a secret is no key")

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        raise TypeError("a secret is not formatted; reveal() opens it")

    def __format__(self, spec: str) -> str:
        raise TypeError("a secret is not formatted; reveal() opens it")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
