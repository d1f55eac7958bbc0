"""API keys as text: `mmt_<id>_<secret>`, minted and taken apart in one place."""

import base64
import re
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.secret import Secret

ID_BYTES: Final = 8
SECRET_BYTES: Final = 32
MAX_LENGTH: Final = 3 + 1 + 32 + 1 + 43
_TEXT: Final = re.compile(r"mmt_([a-z0-9]{8,32})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """An API key taken apart: its public id, and the secret whose MAC the key's row holds."""

    key_id: str
    secret: Secret

    def text(self) -> Secret:
        """Return the key as its owner sends it."""
        return Secret(f"mmt_{self.key_id}_{self.secret.reveal()}")


def mint(randomness: Randomness) -> PresentedKey:
    """Return a new key: an id of 16 lower-case hex digits and a secret of 256 bits in base64url without padding."""
    secret = base64.urlsafe_b64encode(randomness.random_bytes(SECRET_BYTES)).rstrip(b"=").decode("ascii")
    return PresentedKey(randomness.random_bytes(ID_BYTES).hex(), Secret(secret))


def parse(text: str) -> PresentedKey | None:
    """Take a key apart; None for whatever `mint` would not have made."""
    match = _TEXT.fullmatch(text) if len(text) <= MAX_LENGTH else None
    return None if match is None else PresentedKey(match[1], Secret(match[2]))
