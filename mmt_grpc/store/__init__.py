"""The store: the domain's ports on SQLite, MariaDB and MySQL. `open_store` and `open_ledger` open one by its URL."""

from mmt_grpc.store.installations import check_installation
from mmt_grpc.store.ledger import PeeweeLedger, open_ledger
from mmt_grpc.store.opening import Store, open_store
from mmt_grpc.store.refusals import StartRefusedError
from mmt_grpc.store.settings import StoreSettings, UrlError

__all__ = [
    "PeeweeLedger",
    "StartRefusedError",
    "Store",
    "StoreSettings",
    "UrlError",
    "check_installation",
    "open_ledger",
    "open_store",
]
