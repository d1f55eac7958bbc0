"""What a Connect brought becomes a row, in the transaction that also ends its request."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain import token_id
from mmt_grpc.domain.errors import (
    AccountMismatchError,
    ConflictError,
    GrantRejectedError,
    StoreOutcomeUnknownError,
)
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import ConnectOutcome, Metadata, OAuthTokens
from mmt_grpc.domain.ports.clock import Randomness
from mmt_grpc.domain.ports.exchanger import Connected, ConnectOrder
from mmt_grpc.domain.ports.providers import Issued
from mmt_grpc.domain.ports.sealing import Index, Sealing
from mmt_grpc.domain.ports.store import ConnectRequest, ConnectRows, RowMovedError
from mmt_grpc.domain.token_row import Binding, Connection, TokenRow
from mmt_grpc.exchange import lifetimes
from mmt_grpc.exchange.obtaining import Worth
from mmt_grpc.exchange.requests import Requests

FIRST_GENERATION: Final = 1
MOST_MOVES: Final = 20
"""How often a refresh may move the row under a Connect before that is called a conflict."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A redeemed and judged grant; `sent_at` is the database's time at which it was sent."""

    order: ConnectOrder
    request: ConnectRequest
    issued: Issued
    worth: Worth
    sent_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Committing:
    """Seals and commits."""

    rows: ConnectRows
    index: Index
    sealing: Sealing
    requests: Requests
    randomness: Randomness
    failpoints: Failpoints

    def check_known(self, before: TokenRow | None) -> None:
        """Raise `CredentialUnreadableError` if the row that stands cannot say its token id: nothing is spent on it."""
        if before is not None:
            self.sealing.open_metadata(before.binding, before.sealed)

    def commit(self, delivery: Delivery, before: TokenRow | None) -> Connected:
        """Commit over the row that was read `before` the grant was sent, or as a new one.

        Raises `AccountMismatchError`, `ConflictError`, `CredentialUnreadableError` (the row that stands cannot say its
        token id), `GrantRejectedError` (the request was given up meanwhile), `StoreUnavailableError`.
        """
        self._check_account(delivery, before)
        account = delivery.worth.account
        account_key = None if account is None else self.index.account_key(delivery.order.identity.integration, account)
        for _ in range(MOST_MOVES):
            metadata = self._metadata(delivery, before)
            connection = self._connection(delivery, before, metadata, account_key)
            try:
                self._write(connection, delivery.request, before)
            except RowMovedError:
                before = self._moved(delivery.order, before)
                continue
            return Connected(
                token_id=metadata.token_id,
                outcome=ConnectOutcome.CREATED if before is None else ConnectOutcome.REAUTHENTICATED,
                expires_at=connection.access_expires_at,
                refreshable=connection.sealed.renewal_blob is not None,
            )
        raise ConflictError

    def _check_account(self, delivery: Delivery, before: TokenRow | None) -> None:
        """A pinned id keeps its pin: an account that cannot be learned is a mismatch too.

        The pin is what the sealed metadata says: the column beside it is for look-ups, and anybody who writes the
        database could change it.
        """
        if before is None or delivery.order.allow_account_change:
            return
        pinned = self.sealing.open_metadata(before.binding, before.sealed).account
        if pinned is not None and delivery.worth.account != pinned:
            raise AccountMismatchError

    def _moved(self, order: ConnectOrder, before: TokenRow | None) -> TokenRow:
        """Read the row again that a refresh has moved; anything else that moved it is somebody else's Connect."""
        identity = order.identity
        shard = self.index.shard(identity.client_id, identity.end_user_id)
        row = self.rows.read_identity(shard, self.index.identity_key(identity)).row
        if row is None or before is None or row.grant_number != before.grant_number:
            raise ConflictError
        return row

    def _metadata(self, delivery: Delivery, before: TokenRow | None) -> Metadata:
        identity, worth = delivery.order.identity, delivery.worth
        if before is None:
            text = token_id.mint(self.index.shard(identity.client_id, identity.end_user_id), self.randomness)
        else:
            text = self.sealing.open_metadata(before.binding, before.sealed).token_id
        return Metadata(text, identity, worth.account, worth.granted_scopes)

    def _connection(
        self, delivery: Delivery, before: TokenRow | None, metadata: Metadata, account_key: bytes | None
    ) -> Connection:
        identity, issued, sent_at = metadata.identity, delivery.issued, delivery.sent_at
        binding = Binding(
            token_key=self.index.token_key(identity.client_id, metadata.token_id),
            identity_key=self.index.identity_key(identity),
            integration=identity.integration,
            scope=identity.scope,
            generation=FIRST_GENERATION if before is None else before.binding.generation + 1,
        )
        refreshable = issued.renewal is not None
        expires_at = lifetimes.expiry(issued, sent_at=sent_at, refreshable=refreshable)
        renewal_expires_at = lifetimes.renewal_expiry(issued, sent_at=sent_at)
        return Connection(
            shard=self.index.shard(identity.client_id, identity.end_user_id),
            binding=binding,
            end_user_key=self.index.end_user_key(identity.client_id, identity.end_user_id),
            client_key=self.index.client_key(identity.client_id),
            account_key=account_key,
            access_expires_at=expires_at,
            renewal_expires_at=renewal_expires_at,
            next_refresh_at=lifetimes.next_refresh(
                expires_at,
                now=sent_at,
                refreshable=refreshable,
                randomness=self.randomness,
                renewal_expires_at=renewal_expires_at,
                is_import=isinstance(delivery.order.grant, OAuthTokens),
            ),
            sealed=self.sealing.seal_connection(
                binding=binding, credential=issued.credential, renewal=issued.renewal, metadata=metadata
            ),
            sent_at=sent_at,
        )

    def _write(self, connection: Connection, request: ConnectRequest, before: TokenRow | None) -> None:
        """Commit; what is not known is decided by the request's own guarded UPDATE, never by a look."""
        self.failpoints.reach("connect.before_commit")
        try:
            if before is None:
                kept = self.rows.create(connection, request)
            else:
                kept = self.rows.replace(connection, request, grant_number=before.grant_number)
        except StoreOutcomeUnknownError:
            kept = not self.requests.give_up(request)
        if not kept:
            raise GrantRejectedError
