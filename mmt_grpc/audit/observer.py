"""What the audit log tells of itself to whoever watches it."""

import errno
from typing import Protocol


class AuditObserver(Protocol):
    """Told by the audit's own threads; must not block."""

    def failed(self, what: str) -> None:
        """Something could not be done: `vanished`, or `open:`, `write:`, `sync:` and the name of an errno."""
        ...

    def opened(self, name: str) -> None:
        """A new file continues the chain."""
        ...


def errno_name(error: OSError) -> str:
    """Return an error's symbolic name, never its text (which names paths)."""
    return errno.errorcode.get(error.errno or 0, "unknown")
