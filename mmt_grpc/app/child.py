"""What every child process does first: tie its life to the supervisor's, take its settings, take its title."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

from mmt_grpc.app.line import Line, LineClosedError, Message

_PR_SET_PDEATHSIG: Final = 1
ORPHANED: Final = 3
"""Exit status of a child whose supervisor was gone before it had begun."""


def die_with_parent(parent: int, death: signal.Signals) -> None:
    """Have the kernel send `death` to this process when its supervisor dies; exit at once if it is dead already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death.value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit(ORPHANED)


def join_line(arguments: list[str], death: signal.Signals) -> Line:
    """Return the line to the supervisor that the command line names: descriptor and the supervisor's process id."""
    descriptor, parent = (int(argument) for argument in arguments)
    die_with_parent(parent, death)
    return Line.inherited(descriptor)


class Orders:
    """Takes the supervisor's messages on a thread of its own."""

    def __init__(self, line: Line, handlers: dict[str, Callable[[Message], None]], *, gone: Callable[[], None]) -> None:
        """`handlers` by message type; `gone` is called when the supervisor hangs up."""
        self._line = line
        self._handlers = handlers
        self._gone = gone

    def start(self) -> None:
        """Begin to take messages."""
        threading.Thread(target=self._run, name="orders", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                message = self._line.receive()
            except LineClosedError:
                self._gone()
                return
            handler = self._handlers.get(message["type"])
            if handler is not None:
                handler(message)
