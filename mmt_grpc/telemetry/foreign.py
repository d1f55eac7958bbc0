"""What libraries and the interpreter would write on their own: kept, but without a word of their text."""

import logging
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from mmt_grpc.telemetry.fields import place
from mmt_grpc.telemetry.log import Level, Log

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


class ForeignHandler(logging.Handler):
    """Turns a library's record into an event: which logger, how grave, where in its code, which exception.

    Its text is dropped whole: grpc logs the exceptions of handlers with their text, tenacity the values of calls.
    """

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        fields: dict[str, object] = {
            "logger": record.name,
            "logger_level": record.levelname,
            "place": f"{place(record.pathname)}:{record.lineno}",
        }
        if error is not None:
            fields["error"] = error
        self._log.event("library_log", level=_level(record.levelno), **fields)


def _level(number: int) -> Level:
    return max((level for level in Level if level <= number), default=Level.DEBUG)


def capture(log: Log, *, level: int = logging.WARNING) -> None:
    """Make `log` the only one that writes: for every logger, for warnings, and for exceptions that nobody caught."""
    root = logging.getLogger()
    root.handlers[:] = [ForeignHandler(log)]
    root.setLevel(level)
    for name in list(logging.Logger.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.lastResort = None
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _Uncaught(log).in_main
    threading.excepthook = _Uncaught(log).in_thread
    sys.unraisablehook = _Uncaught(log).unraisable


class _Uncaught:
    def __init__(self, log: Log) -> None:
        self._log = log

    def in_main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        del kind, trace
        self._log.error("uncaught_exception", error=error)

    def in_thread(self, args: threading.ExceptHookArgs) -> None:
        thread = args.thread.name if args.thread is not None else None
        self._log.error("uncaught_exception", error=args.exc_value, thread=thread)

    def unraisable(self, args: "UnraisableHookArgs") -> None:
        self._log.error("unraisable_exception", error=args.exc_value)
