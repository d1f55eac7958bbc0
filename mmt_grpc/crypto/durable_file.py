"""Files that are there whole or not at all, whenever the machine stops."""

import os
import tempfile
from pathlib import Path

from mmt_grpc.crypto.errors import KeyringError


def publish(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file of mode 0600 atomically and durably, its directory (which must exist) included.

    Raises `KeyringError` if it exists and may not be replaced, or cannot be written.
    """
    try:
        _publish(path, content, replace=replace)
    except FileExistsError:
        raise KeyringError(f"{path} exists already and is not overwritten") from None
    except OSError as error:
        raise KeyringError(f"{path}: {error.strerror}") from None


def _publish(path: Path, content: bytes, *, replace: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            # A link fails where a rename would silently overwrite.
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
