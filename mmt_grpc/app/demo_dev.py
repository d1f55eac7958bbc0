"""`mmt dev` as the demonstration's child: it ends with it, whatever becomes of it."""

import os
import signal
import sys
from pathlib import Path

from mmt_grpc.app.child import die_with_parent
from mmt_grpc.app.dev import run_dev


def main(arguments: list[str]) -> None:
    """Run a dev installation on a free port: parent's process id, state directory, ready file."""
    parent, state_dir, ready_file = arguments
    die_with_parent(int(parent), signal.SIGTERM)
    drained = run_dev(listen="127.0.0.1:0", state_dir=Path(state_dir), ready_file=Path(ready_file), environ=os.environ)
    sys.exit(0 if drained else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
