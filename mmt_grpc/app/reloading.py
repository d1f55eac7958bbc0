"""What SIGHUP brings: new plans from the settings as they stand now, and a word on those that only a restart takes."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.replica import Replica, worker_role
from mmt_grpc.settings.problems import SettingsError
from mmt_grpc.settings.settings import Settings

KEPT: Final = ("listen", "metrics_listen", "restart_pause", "state_dir")
"""Settings of the supervisor's own: it holds the addresses, and the directory's lock, from its start to its end."""
SUPERVISORS_LOG: Final = ("format", "level")
"""Of `[log]`; children take them, while the supervisor writes on as it began."""


class Reloading:
    """Reads the settings again for a roll; the old ones stay if the new ones cannot be used.

    Addresses, state directory and metrics listener stay as they were at the start.
    """

    def __init__(self, replica: Replica, reread: Callable[[], Settings], more: Sequence[ChildPlan]) -> None:
        """`replica` as it was started, `more` the plans of its other children."""
        self._replica = replica
        self._reread = reread
        self._more = more

    def plans(self, taken: Collection[str]) -> Sequence[ChildPlan] | None:
        """Return the new plans, None to go on as before; no worker's role is among those `taken`."""
        replica = self._replica
        try:
            settings = self._reread()
        except SettingsError as error:
            for problem in error.problems:
                replica.log.error("settings_refused", problem=problem)
            return None
        waiting = wait_for_restart(replica.settings, settings)
        if waiting:
            replica.log.warning("setting_needs_restart", settings=waiting)
        # Workers that come are numbered apart from those that go: each has its own chain of audit files.
        first = first_free(taken, settings.workers)
        return [*self._more, *replace(replica, settings=keeping(replica.settings, settings)).plans(first)]


def wait_for_restart(began: Settings, now: Settings) -> list[str]:
    """Return the names of the settings that have changed since the start and that a roll does not take."""
    own = [name for name in KEPT if getattr(began.table, name) != getattr(now.table, name)]
    log = [f"log.{name}" for name in SUPERVISORS_LOG if getattr(began.log, name) != getattr(now.log, name)]
    return own + log


def keeping(began: Settings, now: Settings) -> Settings:
    """Return the new settings with those of the start where only a restart takes others.

    An exchanger on another state directory than the locked one would leave what the last one has on its disk.
    """
    return replace(now, table=now.table.model_copy(update={name: getattr(began.table, name) for name in KEPT}))


def first_free(taken: Collection[str], count: int) -> int:
    """Return the least number from which on so many workers' roles are free."""
    first = 0
    while clash := [number for number in range(first, first + count) if worker_role(number) in taken]:
        first = clash[-1] + 1
    return first
