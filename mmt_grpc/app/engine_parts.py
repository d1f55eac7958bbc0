"""What the exchanger is made of: opened from its settings, handed to the engine."""

import contextlib
import threading
from dataclasses import dataclass

from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.crypto.keyring import AccessKeyring, RenewalKeyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.rows import RowSealing
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.ports.providers import Providers
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.store.ledger import PeeweeLedger
from mmt_grpc.store.opening import Store
from mmt_grpc.telemetry.log import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the exchanger is made of."""

    owner: bytes
    life: bytes
    access_keyring: AccessKeyring
    renewal_keyring: RenewalKeyring
    store: Store
    ledger: PeeweeLedger
    audit: FileAudit
    providers: Providers
    spool: Spool
    failpoints: Failpoints
    stopping: threading.Event
    log: Log

    @property
    def sealing(self) -> RowSealing:
        """What opens and seals rows."""
        return RowSealing(
            access_keyring=self.access_keyring,
            renewal_keyring=self.renewal_keyring,
            randomness=SystemRandomness(),
        )

    def epochs(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Read both keyrings again and return the epochs that are loaded now, access and renewal.

        A keyring that cannot be read now stays as it was: this replica lives, and says what it has.
        """
        for keyring in (self.access_keyring, self.renewal_keyring):
            with contextlib.suppress(StoreUnavailableError):
                keyring.refresh()
        return self.access_keyring.epochs, self.renewal_keyring.epochs
