"""Connect: the grant is redeemed, judged, kept on disk, and committed, or revoked upstream."""

from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import (
    InvalidRequestError,
    MmtError,
    StoreUnavailableError,
    UnavailableError,
    Violation,
)
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.domain.model import MICROSECONDS, ApiKeyGrant, AuthorizationCode, Grant, OAuthTokens, SessionGrant
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.exchanger import Connected, ConnectOrder
from mmt_grpc.domain.ports.providers import Issued, Provider, ProviderError, Providers
from mmt_grpc.domain.ports.sealing import Index
from mmt_grpc.domain.ports.store import ConnectRequest, ConnectRows, Ledger
from mmt_grpc.domain.revival_guard import RevivalGuard
from mmt_grpc.domain.token_row import TokenRow
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.committing import Committing, Delivery
from mmt_grpc.exchange.exchange_audit import ExchangeAudit
from mmt_grpc.exchange.obtaining import NotSpentError, is_ours, judge, redeem, refusal
from mmt_grpc.exchange.pacing import Pacing
from mmt_grpc.exchange.request_identity import RequestIdentities
from mmt_grpc.exchange.requests import Requests
from mmt_grpc.exchange.unkept import Unkept
from mmt_grpc.exchange.write_back import StoppedError

REVOKE_PATIENCE: Final = 2 * MICROSECONDS
"""How long a Revoke that is under way is left to end by itself."""
REVOKE_PAUSE: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """Does and commits a whole Connect."""

    rows: ConnectRows
    ledger: Ledger
    guard: RevivalGuard
    index: Index
    providers: Providers
    identities: RequestIdentities
    requests: Requests
    unkept: Unkept
    pacing: Pacing
    audit: ExchangeAudit
    committing: Committing
    clock: Clock
    failpoints: Failpoints

    def connect(self, order: ConnectOrder) -> Connected:
        """Connect, or raise the `MmtError` that says why not; a fresh grant that is not kept is revoked upstream."""
        provider = self.providers.get(order.identity.integration)
        if not self.guard.calm:
            # Nothing is connected in a database that is another installation's.
            self.guard.examine(None)
        request = self.identities.of(order)
        with self.requests.opened(request, order.time_left) as earlier:
            if earlier is not None:
                return earlier
            try:
                return self._fresh(order, provider, request)
            except NotSpentError as error:
                self.requests.withdraw(request)
                raise error.error from None
            except StoppedError:
                # Its end is the next life's to write; until then nothing is known, as after a death.
                unknown = StoreUnavailableError()
                self.audit.fail(order, unknown)
                raise unknown from None

    def _fresh(self, order: ConnectOrder, provider: Provider, request: ConnectRequest) -> Connected:
        """Go through with a request that this life has opened: DONE, or REJECTED, or nothing was spent."""
        self.failpoints.reach("connect.after_begin")
        began, now, before = self._prepared(order)
        with self._lookups(order, provider) as lookups:
            self.failpoints.reach("connect.before_exchange")
            sent_at = now + self.clock.elapsed() - began
            issued = self._redeemed(order, provider, request, lookups)
            self.failpoints.reach("connect.after_exchange")
            return self._kept(order, provider, request, _Brought(issued, sent_at, lookups), before)

    def _kept(
        self,
        order: ConnectOrder,
        provider: Provider,
        request: ConnectRequest,
        brought: "_Brought",
        before: TokenRow | None,
    ) -> Connected:
        """Judge and commit what the provider gave; what is not kept is revoked there."""
        issued = brought.issued
        try:
            if is_ours(order.grant):
                self.unkept.hold(request, provider, issued)
            self.failpoints.reach("connect.after_spool")
            worth = judge(provider, issued, order.identity.scope, learn=brought.lookups.learn)
            if isinstance(order.grant, ApiKeyGrant):
                # Its permissions were read, whether or not there was an account to ask for.
                brought.lookups.learn(None)
            # The store's slowness is not the provider's.
            brought.lookups.close()
            connected = self.committing.commit(Delivery(order, request, issued, worth, brought.sent_at), before)
        except UnavailableError as error:
            self._abandon(order, request, error, spent=isinstance(order.grant, AuthorizationCode))
            raise
        except MmtError as error:
            self._abandon(order, request, error, spent=True)
            raise
        except Exception:
            self._abandon(order, request, None, spent=True)
            raise
        self.failpoints.reach("connect.after_commit")
        self.unkept.scrub(request)
        self.audit.succeed(order, self.index.token_key(order.identity.client_id, connected.token_id))
        return connected

    def _prepared(self, order: ConnectOrder) -> tuple[int, int, TokenRow | None]:
        """Do all that can fail before anything is spent; return when the database said what time it was, and the row.

        Elapsed time is counted from after the answer: an expiry may only be early.
        """
        try:
            now = self.rows.now()
            began = self.clock.elapsed()
            check_times(order.grant, now)
            calm, before = self.guard.calm, self._known(order)
            # Nothing is spent for a database that has become another's meanwhile.
            self.guard.check(calm, None)
            self.committing.check_known(before)
            self.audit.intend(order)
        except MmtError as error:
            raise NotSpentError(error) from None
        return began, now, before

    def _lookups(self, order: ConnectOrder, provider: Provider) -> Admission:
        """Make sure that what is brought can be looked up, before it is: a code is not spent for an account unknown."""
        admission = self.pacing.admit_lookup(provider.name)
        if isinstance(admission, Refused):
            error = refusal(admission)
            self.audit.fail(order, error)
            raise NotSpentError(error)
        return admission

    def _redeemed(self, order: ConnectOrder, provider: Provider, request: ConnectRequest, lookups: Admission) -> Issued:
        try:
            return self._paced(order, provider, lookups)
        except NotSpentError as error:
            self.audit.fail(order, error.error)
            raise
        except MmtError as error:
            self._abandon(order, request, error, spent=True)
            raise
        except Exception:
            # A bug, and nobody knows what was sent: what is single-use is never sent again.
            self._abandon(order, request, None, spent=True)
            raise

    def _paced(self, order: ConnectOrder, provider: Provider, lookups: Admission) -> Issued:
        """Redeem with the provider's leave: a code counts against its limits as a refresh does.

        What the client brings is looked up at most: that is a key's first look-up, or none.
        """
        if not is_ours(order.grant):
            return redeem(provider, order.grant, order.identity.scope, learn=lambda error: _failed(lookups, error))
        try:
            admission = self.pacing.admit(provider.name, demand=True)
        except UnavailableError as error:
            raise NotSpentError(error) from None
        if isinstance(admission, Refused):
            raise NotSpentError(refusal(admission))
        with admission:
            return redeem(provider, order.grant, order.identity.scope, learn=admission.learn)

    def _abandon(self, order: ConnectOrder, request: ConnectRequest, error: MmtError | None, *, spent: bool) -> None:
        """End a request that comes to nothing: REJECTED, or withdrawn where the same grant may be tried again."""
        if spent:
            self.requests.give_up(request)
        else:
            self.requests.withdraw(request)
        self.failpoints.reach("unkept.after_reject")
        self.unkept.revoke(request)
        self.audit.fail(order, error)

    def _known(self, order: ConnectOrder) -> TokenRow | None:
        """Read the row of the identity; one that the ledger names goes first, and the identity is new.

        Whoever has just written it there is about to delete the row, and is to be the one who did: the caller of that
        Revoke would be told else that there was no such token. What nobody deletes is deleted here.
        """
        identity = order.identity
        shard, key = self.index.shard(identity.client_id, identity.end_user_id), self.index.identity_key(identity)
        until = self.clock.elapsed() + min(REVOKE_PATIENCE, order.time_left // 4)
        while (row := self.rows.read_identity(shard, key).row) is not None:
            if not self.ledger.contains(row.binding.token_key):
                return row
            if self.clock.elapsed() < until:
                self.clock.sleep(REVOKE_PAUSE)
                continue
            self.unkept.upstream.hand_over(row)
            self.rows.delete(row)
        return None


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a provider gave, the database's time at which it was asked, and leave to look up what it is worth."""

    issued: Issued
    sent_at: int
    lookups: Admission


def _failed(lookups: Admission, error: ProviderError | None) -> None:
    """Learn how the look-ups began; that they went well is known after the last of them."""
    if error is not None:
        lookups.learn(error)


def check_times(grant: Grant, now: int) -> None:
    """Raise `InvalidRequestError` if a grant names an expiry that has passed by the database's clock."""
    if isinstance(grant, OAuthTokens | SessionGrant) and grant.expires_at is not None and grant.expires_at <= now:
        name = "oauth_tokens" if isinstance(grant, OAuthTokens) else "session"
        raise InvalidRequestError(Violation(f"{name}.expire_time", "must lie in the future"))
