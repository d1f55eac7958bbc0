"""Failpoints switched on by the environment of a dev installation: `MMT_FAILPOINTS="connect.after_exchange=kill,…"`.

Actions: `kill` (SIGKILL to the process itself), `raise` (an error that nobody expects), `sleep:SECONDS`, `enospc` and
`eio` (the disk refuses). They hold for the first life of each process only: what takes a killed one's place runs to its
end. Production has none. `docs/failpoints.md` says what each point stands between.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.failpoints import NAMES, Failpoints, NoFailpoints
from mmt_grpc.domain.ports.event_log import EventLog
from mmt_grpc.settings.problems import Problem, SettingsError

VARIABLE: Final = "MMT_FAILPOINTS"
DISK_ERRORS: Final = {"enospc": errno.ENOSPC, "eio": errno.EIO}


class FailpointError(Exception):
    """What a failpoint raises: no code expects it."""


class FailpointSyntaxError(ValueError):
    """The variable does not say `name=action,…`; the text is a fixed sentence."""


@dataclass(frozen=True, slots=True)
class SetFailpoints:
    """Does what is set for each point, and says so before."""

    actions: Mapping[str, Callable[[], None]]
    log: EventLog

    def reach(self, name: str) -> None:
        """Do what is set for the point."""
        action = self.actions.get(name)
        if action is not None:
            self.log.warning("failpoint", point=name)
            action()


def failpoints(text: str, log: EventLog) -> Failpoints:
    """Return the failpoints that a text sets; `FailpointSyntaxError` for one that says something else."""
    if not text:
        return NoFailpoints()
    return SetFailpoints(_actions(text), log)


def check_failpoints(environ: Mapping[str, str], *, is_dev: bool) -> None:
    """Raise a `SettingsError` before anything is started if the environment's failpoints cannot be used."""
    text = environ.get(VARIABLE, "")
    if text and not is_dev:
        raise SettingsError([Problem(VARIABLE, "is for `dev` only")])
    if text:
        try:
            _actions(text)
        except FailpointSyntaxError as error:
            raise SettingsError([Problem(VARIABLE, str(error))]) from None


def _actions(text: str) -> Mapping[str, Callable[[], None]]:
    pairs = [pair.strip().partition("=") for pair in text.split(",")]
    for name, _, _ in pairs:
        if name not in NAMES:
            raise FailpointSyntaxError("names a point that there is not: docs/failpoints.md lists them")
    return {name: _action(action) for name, _, action in pairs}


def _action(text: str) -> Callable[[], None]:
    kind, _, argument = text.partition(":")
    if kind == "kill":
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        return _fail
    if kind == "sleep":
        try:
            seconds = float(argument)
        except ValueError:
            raise FailpointSyntaxError("has a sleep that is no number of seconds") from None
        return lambda: time.sleep(seconds)
    if kind in DISK_ERRORS:
        return lambda: _refuse(DISK_ERRORS[kind])
    raise FailpointSyntaxError("has an action other than kill, raise, enospc, eio and sleep:SECONDS")


def _fail() -> None:
    raise FailpointError


def _refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))
