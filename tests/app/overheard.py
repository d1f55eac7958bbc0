"""A process whose SIGTERM the kernel gives to a thread that is not the main one, while that waits for its order to end.

With `handler` as its argument it listens by a handler alone, as Python documents it; else as MMT's processes do.
"""

import signal
import sys
import threading
import time

from mmt_grpc.app.process import stop_on_signals


def main(arguments: list[str]) -> None:
    asked, taken = threading.Event(), threading.Event()
    if arguments == ["handler"]:
        signal.signal(signal.SIGTERM, lambda *_: asked.set())
    else:
        stop_on_signals(asked.set)

    def take() -> None:
        time.sleep(1)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        taken.set()

    threading.Thread(target=take).start()
    sys.stdout.write("waiting\n")
    sys.stdout.flush()
    asked.wait()
    assert taken.wait(10)


if __name__ == "__main__":
    main(sys.argv[1:])
