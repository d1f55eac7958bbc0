"""Proof Key for Code Exchange (RFC 7636), method S256 alone."""

from __future__ import annotations

import base64
import hashlib
import re

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    hashed = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def is_challenge(text: str) -> bool:
    """Whether a text has the form of an S256 challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    """Whether a text has the form of a verifier (RFC 7636 section 4.1)."""
    return _VERIFIER.fullmatch(text) is not None


def verifier_from(random_text: str) -> str:
    """A verifier of the right form made from any random text."""
    return challenge_of(random_text)
