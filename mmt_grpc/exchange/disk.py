"""Whether this replica's disk can be trusted: once it has refused a record, nothing more is spent until it works."""

import threading

from mmt_grpc.domain.ports.event_log import EventLog


class Disk:
    """Remembers a refusal; `works` asks for a proof before leases are taken again."""

    def __init__(self, *, log: EventLog) -> None:
        self._log = log
        self._failed = threading.Event()

    def failed(self) -> None:
        """A record could not be written."""
        if not self._failed.is_set():
            self._log.error("spool_disk_failed")
        self._failed.set()

    def mended(self) -> None:
        """A record was written again."""
        if self._failed.is_set():
            self._log.info("spool_disk_works")
        self._failed.clear()

    @property
    def is_trusted(self) -> bool:
        """Whether leases may be taken."""
        return not self._failed.is_set()
