"""The lives that ran on a state directory: whoever holds its lock knows that they are over, but of no clone's."""

from pathlib import Path
from typing import Final

MOST: Final = 64
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Lives:
    """A file of one place, then the lives begun there, the last at the end; used by one process under the lock.

    The place is this boot of this machine and the very lock file: a directory that was copied, or a machine that was,
    is another place, and the lives that its file names may go on where it was copied from.
    """

    def __init__(self, state_dir: Path) -> None:
        """`OSError` if the directory has no lock file."""
        lock = (state_dir / "lock").stat()
        self._place = f"{_BOOT_ID.read_text(encoding='ascii').strip()} {lock.st_dev} {lock.st_ino}"
        self._path = state_dir / "lives"

    def begin(self, life: bytes) -> frozenset[bytes]:
        """Write a life down, before it registers; return those that are over."""
        over = self._over()
        partial = self._path.with_suffix(".new")
        partial.write_text("\n".join([self._place, *(one.hex() for one in [*over, life][-MOST:])]), encoding="ascii")
        partial.replace(self._path)
        return frozenset(over)

    def _over(self) -> list[bytes]:
        try:
            place, *lives = self._path.read_text(encoding="ascii").splitlines()
            return [bytes.fromhex(life) for life in lives] if place == self._place else []
        except (FileNotFoundError, ValueError):
            return []
