"""How many calls are served at once: whoever comes too many is told so at once, and Revoke keeps places of its own."""

import threading
from collections.abc import Sequence

import grpc

from mmt_grpc.domain.errors import OverloadedError
from mmt_grpc.domain.verbs import DeadlineError
from mmt_grpc.transport.sanitise import Behaviour, Request, Response


class Places:
    """A number of places that calls take and give back; taking never waits."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place; False if there is none."""
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """Give a taken place back."""
        with self._lock:
            self._free += 1


def take_place(rooms: Sequence[Places]) -> Places:
    """Take a place in the first of the rooms that has one, and return that room; `OverloadedError` if none has."""
    for room in rooms:
        if room.take():
            return room
    raise OverloadedError


def admitted(inner: Behaviour[Request, Response], *, rooms: Sequence[Places]) -> Behaviour[Request, Response]:
    """Wrap a method so that it runs only while it holds a place in one of `rooms`.

    It is done here and not by gRPC's own limit, which knows neither priorities nor reasons and counts health checks. A
    call that nobody waits for any more takes no place.
    """

    def admit(request: Request, context: grpc.ServicerContext) -> Response:
        if not context.is_active():
            raise DeadlineError
        room = take_place(rooms)
        try:
            return inner(request, context)
        finally:
            room.give_back()

    return admit
