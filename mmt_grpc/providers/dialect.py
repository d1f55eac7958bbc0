"""In what an OAuth exchange may differ from the letter of the RFCs, beyond its settings."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The differences; each default is what RFC 6749 and RFC 7009 say."""

    revokes_with_bearer: bool = False
    """Revocation takes the token in the body and as Bearer, instead of the client's credentials."""
    revokes_refresh_tokens: bool = True
    gone_is_401: bool = False
    """Revocation answers 401 for a token that is gone already."""
    renewal_life: float | None = None
    """Seconds that a refresh token lives where the answer does not say."""


STANDARD: Final = Dialect()
