"""On which kind of file system a directory is: one in memory forgets what must not be forgotten."""

import re
from pathlib import Path
from typing import Final

VOLATILE: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def filesystem_type(path: Path) -> str:
    """Return the type of the file system that holds `path`, or would once it is made; empty if nobody can say."""
    existing = path.resolve()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    best, found = -1, ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields.split()[4]))
        # Of mounts on the same point the last one is on top.
        if existing.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), rest.split()[0]
    return found
