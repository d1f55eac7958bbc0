"""Recognisable secrets, and the search for them in whatever form they may have leaked."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """A secret where none may be: of which kind, in which form, and where."""

    kind: str
    form: str
    place: str


@dataclass
class Canaries:
    """The secrets of one test, by kind."""

    planted: dict[str, str | bytes] = field(default_factory=dict)

    def mint(self, kind: str, *, alphabet: str = '+/=~"\\é') -> str:
        """Make a secret whose escaped, quoted and encoded forms differ from it."""
        return self.add(kind, f"canary{alphabet}{secrets.token_hex(12)}{alphabet}{kind}")

    def token(self, kind: str) -> str:
        """Make a secret that may stand in a header."""
        return self.mint(kind, alphabet="+/=~")

    def add(self, kind: str, text: str) -> str:
        """Take a secret that somebody else made."""
        assert len(text) >= 16, f"{kind} is too short to be recognised"
        self.planted[f"{kind} {len(self.planted)}"] = text
        return text

    def add_key(self, kind: str, key: bytes) -> None:
        """Take a secret that is no text."""
        self.planted[f"{kind} {len(self.planted)}"] = key

    def found(self, places: Mapping[str, bytes]) -> list[Finding]:
        """Search every place for every secret in every form; forms that look the same are searched for once."""
        needles: dict[bytes, tuple[str, str]] = {}
        for kind, secret in self.planted.items():
            for form, needle in forms(secret):
                needles.setdefault(needle, (kind, form))
        return [
            Finding(kind, form, place)
            for place, content in places.items()
            for needle, (kind, form) in needles.items()
            if needle in content
        ]


def forms(secret: str | bytes) -> Iterator[tuple[str, bytes]]:
    """The forms in which a secret may turn up."""
    if isinstance(secret, bytes):
        yield from forms_of_bytes(secret)
    else:
        yield from forms_of_bytes(secret.encode())
        yield from forms_of_text(secret)


def forms_of_text(text: str) -> Iterator[tuple[str, bytes]]:
    yield "utf-16", text.encode("utf-16-le")
    yield "url", urllib.parse.quote(text, safe="").encode()
    yield "form", urllib.parse.quote_plus(text).encode()
    yield "json", json.dumps(text)[1:-1].encode()
    yield "repr", repr(text)[1:-1].encode()


def forms_of_bytes(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", raw
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "bytes", repr(raw)[2:-1].encode()
    for shift in range(3):
        # Whatever stands before and after it, these characters of the base64 are its own.
        encoded = base64.b64encode(bytes(shift) + raw)
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        yield f"base64+{shift}", inner
        yield f"base64url+{shift}", inner.translate(bytes.maketrans(b"+/", b"-_"))
