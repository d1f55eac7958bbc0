"""The composition root of administration: keys, schema, clients and API keys, from the settings alone."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mmt_grpc.crypto.index import KeyedCallerMacs, KeyedIndex
from mmt_grpc.crypto.keyring import AccessKeyring
from mmt_grpc.crypto.keyrings import KeyringPair, KeyringStatus, load_access_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.domain import api_key
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.store import ApiKeyRow, ClientRow, Installation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings.settings import Settings, store_settings
from mmt_grpc.store.installations import check_installation
from mmt_grpc.store.ledger import PeeweeLedger, open_ledger
from mmt_grpc.store.opening import Store, open_store
from mmt_grpc.store.refusals import StartRefusedError

INSTALLATION_ID_BYTES: Final = 16
CLIENT_ID_BYTES: Final = 8
MAX_CLIENT_NAME: Final = 128
PRODUCTION: Final = "production"


class RefusedError(Exception):
    """A command cannot be done; the text says why, in one sentence, without a secret."""


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new API key; its text is shown once and kept nowhere."""

    row: ApiKeyRow
    text: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """An opened installation: its database, its ledger and its access keys."""

    settings: Settings
    keyring: AccessKeyring
    store: Store
    ledger: PeeweeLedger

    def migrate(self) -> Sequence[int]:
        """Bring schema and ledger up to date; the first time, write what the database belongs to. Returns the steps."""
        steps = self.store.migrate()
        self.ledger.migrate()
        if self.store.installations.read() is None:
            self.store.installations.create(
                Installation(
                    installation_id=SystemRandomness().random_bytes(INSTALLATION_ID_BYTES),
                    mode=self.settings.mode or PRODUCTION,
                    index_check=KeyedIndex(access_keyring=self.keyring).index_check(),
                    ledger_id=self.ledger.identity(),
                    ledger_head=self.ledger.head(),
                    schema=self.store.schema_number(),
                )
            )
        return steps

    def check(self) -> Installation:
        """Return the installation; raises a `StartRefusedError` if the database is not this one's."""
        self.store.check_schema()
        return check_installation(
            self.store.installations,
            self.ledger,
            index_check=KeyedIndex(access_keyring=self.keyring).index_check(),
            mode=self.settings.mode or PRODUCTION,
        )

    def add_client(self, name: str) -> ClientRow:
        """Add a client company; raises `RefusedError` for a name that is empty, too long or not printable."""
        if not name or len(name) > MAX_CLIENT_NAME or not name.isprintable():
            raise RefusedError(f"a client's name has 1 to {MAX_CLIENT_NAME} printable characters")
        client_id = f"cl_{SystemRandomness().random_bytes(CLIENT_ID_BYTES).hex()}"
        row = ClientRow(client_id, name, self.store.tokens.now(), self._macs().client_mac(client_id, name))
        self.store.callers.add_client(row)
        return row

    def clients(self) -> Sequence[ClientRow]:
        """Return all clients."""
        return self.store.callers.list_clients()

    def add_api_key(self, client_id: str, scope: Scope) -> MintedKey:
        """Make an API key for a client; raises `RefusedError` for an unknown one."""
        if all(client.client_id != client_id for client in self.clients()):
            raise RefusedError("there is no such client")
        minted = api_key.mint(SystemRandomness())
        mac = self._macs().api_key_mac(
            key_id=minted.key_id, client_id=client_id, scope=scope, disabled=False, secret=minted.secret
        )
        row = ApiKeyRow(minted.key_id, client_id, scope, disabled=False, created_at=self.store.tokens.now(), mac=mac)
        self.store.callers.add_api_key(row)
        return MintedKey(row, minted.text())

    def api_keys(self, client_id: str | None) -> Sequence[ApiKeyRow]:
        """Return the API keys of a client, or all."""
        return self.store.callers.list_api_keys(client_id)

    def disable_api_key(self, key_id: str) -> None:
        """Disable an API key; within a second nobody accepts it. Raises `RefusedError` if there is none to disable.

        Nobody but the key's owner has its secret, so the row gets a MAC that no secret fits.
        """
        if not self.store.callers.disable_api_key(key_id, SystemRandomness().random_bytes(32)):
            raise RefusedError("there is no such key, or it is disabled already")

    def _macs(self) -> KeyedCallerMacs:
        return KeyedCallerMacs(access_keyring=self.keyring)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Administration]:
    """Open what the settings name, for one command.

    `RefusedError` if it ends for want of a connection: it says to where, and why there is none.
    """
    keyring = load_access_keyring(directory=settings.keyring_dir, root_key=access_root(settings))
    options = store_settings(settings.database)
    found: list[str] = []
    store = open_store(
        settings.database_url.reveal(),
        pool_size=2,
        settings=options,
        on_unreachable=lambda why: found.append(f"no connection to the database at {why}"),
    )
    ledger = open_ledger(
        settings.ledger_url.reveal(),
        settings=options,
        on_unreachable=lambda why: found.append(f"no connection to the ledger at {why}"),
    )
    try:
        yield Administration(settings=settings, keyring=keyring, store=store, ledger=ledger)
    except StoreUnavailableError as error:
        if not found:
            raise
        sentence = str(error).removesuffix(".") if isinstance(error, StartRefusedError) else error.reason.value
        raise RefusedError(f"{sentence}: {found[-1]}") from None
    finally:
        store.close()
        ledger.close()


def access_root(settings: Settings) -> FileRootKey:
    """Return the root key of the access keyring; raises `KeyringError`."""
    return FileRootKey.load(settings.access_root_key_file, randomness=SystemRandomness())


def renewal_root(settings: Settings) -> FileRootKey:
    """Return the root key of the renewal keyring; raises `KeyringError`."""
    return FileRootKey.load(settings.renewal_root_key_file, randomness=SystemRandomness())


def keyrings(settings: Settings) -> KeyringPair:
    """Return the pair of keyrings, to make them or to look at them."""
    return KeyringPair(
        directory=settings.keyring_dir,
        access_root=access_root(settings),
        renewal_root=renewal_root(settings),
        randomness=SystemRandomness(),
    )


def init_keys(settings: Settings) -> KeyringStatus:
    """Make both keyrings; raises `KeyringError` if either exists."""
    pair = keyrings(settings)
    pair.init(created_at=time.time_ns() // 1000)
    return pair.status()
