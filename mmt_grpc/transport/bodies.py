"""Reading a call's body only once its caller is known: whoever sends headers alone holds no thread for long."""

import threading
from collections.abc import Iterator
from typing import Final, TypeAlias

import grpc

from mmt_grpc.domain.errors import InvalidRequestError, Violation
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.verbs import DeadlineError

PATIENCE: Final = 5 * MICROSECONDS
"""How long a body may take to arrive behind its headers; one of 64 KiB at 13 KB/s does."""
ROUND: Final = 1.0
"""Seconds between two looks at who is late."""

Messages: TypeAlias = Iterator[bytes]


class Bodies:
    """Takes the one message of each call, and cancels the calls whose message does not come.

    grpcio's unary methods wait for the message before they ask anybody, in a thread of the pool and without end: a few
    hundred streams without one would take them all. So the methods are registered as if they took a stream.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._awaited: dict[int, tuple[int, grpc.ServicerContext]] = {}
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._cancel_the_late, name="late-bodies", daemon=True)

    def start(self) -> None:
        """Begin to cancel the late."""
        self._watch.start()

    def close(self) -> None:
        """End it."""
        self._closed.set()

    def take(self, messages: Messages, context: grpc.ServicerContext) -> bytes:
        """Return a call's message; `InvalidRequestError` if there is none, `DeadlineError` if its caller has gone."""
        ticket = id(messages)
        self._awaited[ticket] = (self._clock.elapsed() + PATIENCE, context)
        try:
            return next(messages)
        except StopIteration:
            raise InvalidRequestError(Violation("request", "must be sent")) from None
        except grpc.RpcError:
            raise DeadlineError from None
        finally:
            del self._awaited[ticket]

    def _cancel_the_late(self) -> None:
        while not self._closed.wait(ROUND):
            self.cancel_the_late()

    def cancel_the_late(self) -> None:
        """Cancel the calls that have been waited for too long."""
        now = self._clock.elapsed()
        for due, context in list(self._awaited.values()):
            if due <= now:
                context.cancel()
