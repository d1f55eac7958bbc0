"""Step 1: all tables. These models are its frozen copy of the schema; later steps say what they add to it."""

from typing import Final

import peewee

from mmt_grpc.store.migrations.fields import Blob, Bytes, FixedBytes, Label, Number, SmallNumber

_KEY: Final = 32
_ID: Final = 16


class Token(peewee.Model):
    """A connection: who it belongs to, how its refresh stands, and what is sealed of it.

    Every unique key begins with the shard, so that the table can be partitioned or sharded by it.
    """

    shard = SmallNumber()
    token_key = FixedBytes(_KEY)
    identity_key = FixedBytes(_KEY)
    end_user_key = FixedBytes(_KEY)
    client_key = FixedBytes(_KEY, index=True)
    account_key = FixedBytes(_KEY, null=True, index=True)
    integration = Label(63)
    scope = SmallNumber()
    state = SmallNumber()
    reason = SmallNumber(null=True)
    version = Number()
    generation = Number()
    grant_number = Number()
    attempt_id = FixedBytes(_ID, null=True)
    lease_owner = FixedBytes(_ID, null=True, index=True)
    lease_until = Number(null=True)
    doubt = FixedBytes(_ID, null=True)
    doubt_owner = FixedBytes(_ID, null=True, index=True)
    not_before = Number(null=True)
    failures = Number()
    access_expires_at = Number(null=True)
    renewal_expires_at = Number(null=True)
    next_refresh_at = Number(null=True, index=True)
    refreshed_at = Number(null=True)
    connected_at = Number()
    format = SmallNumber()
    key_epoch = Number(index=True)
    access_key = Bytes(512)
    renewal_key = Bytes(512)
    access_blob = Blob()
    renewal_blob = Blob(null=True)
    metadata_blob = Blob()

    class Meta:
        table_name = "token"
        primary_key = peewee.CompositeKey("shard", "token_key")
        indexes = ((("shard", "identity_key"), True), (("shard", "end_user_key"), False))


class Client(peewee.Model):
    """A client company."""

    client_id = Label(255, primary_key=True)
    name = Label(255)
    created_at = Number()
    mac = FixedBytes(_KEY)

    class Meta:
        table_name = "client"


class ApiKey(peewee.Model):
    """An API key of one client and one scope; the secret itself is nowhere."""

    key_id = Label(255, primary_key=True)
    client_id = Label(255, index=True)
    scope = SmallNumber()
    disabled = SmallNumber()
    created_at = Number()
    mac = FixedBytes(_KEY)

    class Meta:
        table_name = "api_key"


class ConnectRequest(peewee.Model):
    """A Connect in progress or done, remembered for 24 hours."""

    request_key = FixedBytes(_KEY, primary_key=True)
    content_mac = FixedBytes(_KEY)
    owner = FixedBytes(_ID)
    life = FixedBytes(_ID)
    state = SmallNumber()
    shard = SmallNumber(null=True)
    token_key = FixedBytes(_KEY, null=True)
    outcome = SmallNumber(null=True)
    created_at = Number(index=True)

    class Meta:
        table_name = "connect_request"
        indexes = ((("owner", "life"), False),)


class Replica(peewee.Model):
    """One row per state directory."""

    owner = FixedBytes(_ID, primary_key=True)
    life = FixedBytes(_ID)
    seen_at = Number()
    access_epochs = Label(1024)
    renewal_epochs = Label(1024)
    running_attempts = Number()
    oldest_spooled_at = Number(null=True)

    class Meta:
        table_name = "replica"


class Installation(peewee.Model):
    """The one row that says what this database belongs to."""

    singleton = SmallNumber(primary_key=True)
    installation_id = FixedBytes(_ID)
    mode = Label(32)
    index_check = FixedBytes(_KEY)
    ledger_id = FixedBytes(_ID)
    ledger_head = Number()
    schema_number = Number()

    class Meta:
        table_name = "installation"


class Event(peewee.Model):
    """The outbox: what happened to a token, by UUIDv7."""

    id = FixedBytes(_ID, primary_key=True)
    shard = SmallNumber()
    token_key = FixedBytes(_KEY)
    kind = Label(16)
    generation = Number()
    at = Number()
    payload = Label(255)

    class Meta:
        table_name = "event"


class ProviderBudget(peewee.Model):
    """A provider's rate limit: replicas lease chunks of each window's budget by UPDATEs guarded by version."""

    integration = Label(63, primary_key=True)
    window_began_at = Number()
    leased = Number()
    version = Number()

    class Meta:
        table_name = "provider_budget"


PARTITIONED: Final = Token
TABLES: Final[tuple[type[peewee.Model], ...]] = (
    Token,
    Client,
    ApiKey,
    ConnectRequest,
    Replica,
    Installation,
    Event,
    ProviderBudget,
)
