"""`Provider` and `Providers` over exchanges in memory."""

from collections.abc import Sequence
from typing import assert_never

from mmt_grpc.domain.errors import IntegrationUnknownError
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    BearerToken,
    Credential,
    Grant,
    Liveness,
    OAuthTokens,
    Scope,
    SessionGrant,
    Upstream,
    UserCredentials,
)
from mmt_grpc.domain.ports.providers import Issued, Learn, ProviderError, RefreshChannel
from mmt_grpc.domain.secret import Secret
from tests.support.fakes_exchange import FakeExchange
from tests.support.fakes_exchange_grants import SCOPES


class FakeChannel:
    """One connection, good for one refresh."""

    def __init__(self, *, exchange: FakeExchange) -> None:
        self._exchange = exchange
        self._open = True

    def refresh(self, renewal: Secret) -> Issued:
        assert self._open, "a channel is good for one refresh"
        self._open = False
        return self._exchange.perform("refresh", lambda: self._exchange.refresh(renewal.reveal()))

    def close(self) -> None:
        self._open = False


class FakeProvider:
    """One integration; `upstream` overrides what a revocation is said to have done."""

    def __init__(self, *, exchange: FakeExchange) -> None:
        self.exchange = exchange
        self.refuse_wider = False
        self.upstream: Upstream | None = None

    @property
    def name(self) -> str:
        return self.exchange.name

    @property
    def tolerates_reuse(self) -> bool:
        return False

    def redeem(self, grant: Grant, scope: Scope) -> Issued:
        del scope
        return self.exchange.perform("redeem", lambda: self._redeem(grant))

    def read_account(self, credential: Credential) -> str | None:
        return self.exchange.account_of(credential)

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:
        return self.exchange.scopes_of(credential)

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        return set(SCOPES[scope]) <= set(granted)

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        extra = set(SCOPES[Scope.WRITE]) - set(SCOPES[Scope.READ])
        return self.refuse_wider and scope is Scope.READ and bool(extra & set(granted))

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        return SCOPES[scope]

    def open_refresh(self) -> RefreshChannel:
        self.exchange.check("connect")
        return FakeChannel(exchange=self.exchange)

    def revoke(self, credential: Credential, renewal: Secret | None, *, learn: Learn) -> Upstream:
        try:
            self.exchange.check("revoke")
        except ProviderError as error:
            learn(error)
            return Upstream.FAILED
        if self.upstream is not None:
            return self.upstream
        was_alive = self.exchange.end(credential, None if renewal is None else renewal.reveal())
        return Upstream.REVOKED if was_alive else Upstream.ACCEPTED

    def probe(self, credential: Credential) -> Liveness:
        self.exchange.check("probe")
        if not self.exchange.probes:
            return Liveness.UNKNOWN
        return Liveness.ALIVE if self.exchange.is_alive(credential) else Liveness.DEAD

    def _redeem(self, grant: Grant) -> Issued:
        match grant:
            case AuthorizationCode():
                return self.exchange.redeem_code(grant)
            case UserCredentials():
                return self.exchange.log_in(grant)
            case ApiKeyGrant():
                return self.exchange.key_scopes(grant)
            case OAuthTokens():
                return Issued(
                    BearerToken(grant.access_token),
                    grant.refresh_token,
                    None,
                    grant.granted_scopes or None,
                    grant.expires_at,
                )
            case SessionGrant():
                return Issued(BearerToken(grant.token), None, None, None, grant.expires_at)
            case _:
                assert_never(grant)


class FakeProviders:
    """All integrations, by name."""

    def __init__(self, *, providers: dict[str, FakeProvider]) -> None:
        self.by_name = providers

    def get(self, integration: str) -> FakeProvider:
        if integration not in self.by_name:
            raise IntegrationUnknownError
        return self.by_name[integration]
