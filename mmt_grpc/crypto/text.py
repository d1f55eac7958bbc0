"""Text as UTF-8 and back, with errors that do not quote it."""

from mmt_grpc.domain.errors import CredentialUnreadableError


def encode_text(text: str) -> bytes:
    """Return UTF-8; a `ValueError` with a fixed sentence for lone surrogates (JSON can bring them)."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        flaw = "a text that is not valid Unicode"
    # Raised here and not above: the codec's error holds the whole text and would hang on to this one.
    raise ValueError(flaw)


def decode_text(encoded: bytes) -> str:
    """Return the text of UTF-8 that was sealed; `CredentialUnreadableError` for anything else."""
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        unreadable = CredentialUnreadableError()
    # As above.
    raise unreadable
