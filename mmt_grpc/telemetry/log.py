"""Events with fields, one line each on standard error: JSON for programs, readable on a terminal."""

import enum
import os
from collections.abc import Callable, Mapping
from typing import Literal, Self

from mmt_grpc.telemetry.fields import Plain, plain_fields
from mmt_grpc.telemetry.render import as_json, for_terminal

Format = Literal["auto", "json", "console"]


class Level(enum.IntEnum):
    """How much an event matters, numbered as in `logging`."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


Sink = Callable[[str], None]
"""Takes one finished line without its line break."""


class Log:
    """Writes events. A name says what happened (`worker_started`), fields say with what; there is no prose."""

    def __init__(
        self,
        *,
        sink: Sink,
        render: Callable[[Mapping[str, Plain]], str],
        wall_clock: Callable[[], int],
        level: Level = Level.INFO,
        bound: Mapping[str, Plain] | None = None,
    ) -> None:
        """`wall_clock` returns Unix nanoseconds; `bound` stands in every event."""
        self._sink = sink
        self._render = render
        self._wall_clock = wall_clock
        self._level = level
        self._bound = dict(bound or {})

    @classmethod
    def to_stderr(
        cls, *, process: str, wall_clock: Callable[[], int], layout: Format = "auto", level: Level = Level.INFO
    ) -> Self:
        """Return a log on descriptor 2; `auto` is readable on a terminal and JSON elsewhere."""
        console = os.isatty(2) if layout == "auto" else layout == "console"
        return cls(
            sink=write_to_stderr,
            render=for_terminal if console else as_json,
            wall_clock=wall_clock,
            level=level,
            bound={"process": process},
        )

    def bind(self, **fields: object) -> "Log":
        """Return a log whose events carry these fields too."""
        return Log(
            sink=self._sink,
            render=self._render,
            wall_clock=self._wall_clock,
            level=self._level,
            bound=self._bound | plain_fields(fields),
        )

    def event(self, name: str, /, *, level: Level = Level.INFO, **fields: object) -> None:
        """Write an event. A field that is an exception shows as its class and places; of secrets, bytes and messages
        only the type shows.
        """
        if level < self._level:
            return
        head: dict[str, Plain] = {"time": self._wall_clock(), "level": level.name.lower(), "event": name}
        self._sink(self._render(head | self._bound | plain_fields(fields)))

    def debug(self, name: str, /, **fields: object) -> None:
        """Write what only a developer wants to know."""
        self.event(name, level=Level.DEBUG, **fields)

    def info(self, name: str, /, **fields: object) -> None:
        """Write what an operator may want to know."""
        self.event(name, level=Level.INFO, **fields)

    def warning(self, name: str, /, **fields: object) -> None:
        """Write what an operator should look into some day."""
        self.event(name, level=Level.WARNING, **fields)

    def error(self, name: str, /, **fields: object) -> None:
        """Write what an operator should look into now."""
        self.event(name, level=Level.ERROR, **fields)


def write_to_stderr(line: str) -> None:
    """Write a line whole; a standard error that is gone stops nobody's work."""
    data = (line + "\n").encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        return
