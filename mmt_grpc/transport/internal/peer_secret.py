"""The secret that proves a worker to its exchanger: made at each start, handed to both by their parent."""

import hmac
from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.errors import CallerUnauthenticatedError
from mmt_grpc.domain.secret import Secret

HEADER: Final = "mmt-peer-secret"


def proof(secret: Secret) -> tuple[tuple[str, str], ...]:
    """Return the metadata that carries the secret (printable ASCII)."""
    return ((HEADER, secret.reveal()),)


def check(secret: Secret, metadata: Sequence[tuple[str, str | bytes]]) -> None:
    """Raise `CallerUnauthenticatedError` unless the metadata carries the secret, once; never without a secret."""
    presented = [value for key, value in metadata if key == HEADER]
    if not secret or len(presented) != 1 or not isinstance(presented[0], str):
        raise CallerUnauthenticatedError
    if not hmac.compare_digest(presented[0].encode(), secret.reveal().encode()):
        raise CallerUnauthenticatedError
