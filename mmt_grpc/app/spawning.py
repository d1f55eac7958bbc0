"""Starts children: spawned, never forked, with a clean environment and nothing inherited but what they need."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmt_grpc.app.line import Line, LineStalledError, Message
from mmt_grpc.domain.ports.event_log import EventLog

KEPT_VARIABLES: Final = (
    "LANG",
    "LC_ALL",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
)
"""What children keep of the environment; settings and secrets travel over the line, proxies are not followed."""

QUIET: Final = {"GRPC_VERBOSITY": "NONE"}
"""gRPC's core would write lines of its own between the events on standard error."""


@dataclass(slots=True)
class Child:
    """A running child; `pidfd` becomes readable when it has ended. `grace` as in the plan that it was started by."""

    role: str
    process: subprocess.Popen[bytes]
    line: Line
    pidfd: int
    grace: float = 0.0
    started: float = field(default_factory=time.monotonic)
    ready: bool = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def hear(self, log: EventLog) -> Message:
        """Receive its next message; raises `LineClosedError`, having ended it if it stalls within one."""
        try:
            return self.line.receive()
        except LineStalledError:
            # It would never be understood again, and all the others wait for their supervisor meanwhile.
            log.error("child_stalled", role=self.role, pid=self.pid)
            self.process.kill()
            raise

    def reap(self) -> int:
        """Collect its exit status and release what was held for it."""
        status = self.process.wait()
        self.line.close()
        os.close(self.pidfd)
        return status


def spawn(
    role: str, module: str, *, environment: Mapping[str, str], inherit: Sequence[int] = (), grace: float = 0.0
) -> Child:
    """Start `python -m module` with a line; call it from the main thread (the kernel ties it to that one)."""
    line, theirs = Line.pair()
    with theirs:
        descriptor = theirs.fileno()
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-P", "-m", module, str(descriptor), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=(descriptor, *inherit),
            env=QUIET | {name: environment[name] for name in KEPT_VARIABLES if name in environment},
            start_new_session=True,
        )
    return Child(role, process, line, os.pidfd_open(process.pid), grace)
