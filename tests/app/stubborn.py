"""A child of a supervisor that is ready at once, and ends when it is asked to.

Unless it was started as `hanging`, and never is ready, as `stubborn`, and does not end, or as `dying`, and ends by
itself.
"""

import signal
import sys
import threading

from mmt_grpc.app.child import join_line


def main(arguments: list[str]) -> None:
    line = join_line(arguments, signal.SIGKILL)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if message["stubborn"] else ended.set())
    message = line.receive()
    if not message["hanging"]:
        line.send("ready")
    if message["dying"]:
        sys.exit(1)
    ended.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
