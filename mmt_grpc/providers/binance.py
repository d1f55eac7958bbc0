"""Binance: a login for a session, sessions, and API keys; nothing is refreshed."""

import json
from collections.abc import Sequence
from typing import Final

from mmt_grpc.domain.model import (
    ApiKeyGrant,
    ApiKeyPair,
    BearerToken,
    Credential,
    Grant,
    Liveness,
    Scope,
    SessionGrant,
    Upstream,
    UserCredentials,
)
from mmt_grpc.domain.ports.providers import Failure, Issued, Learn, ProviderError, RefreshChannel
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.api_keys import ApiKeys
from mmt_grpc.providers.bearer import BearerApi, bearer_header
from mmt_grpc.providers.classification import LOGIN
from mmt_grpc.providers.client import ExchangeClient
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import JSON, Answer, Request
from mmt_grpc.providers.options import LoginOptions
from mmt_grpc.providers.revocation import Revocation
from mmt_grpc.providers.scopes import ScopeRules
from mmt_grpc.providers.token_answer import fields_of, read_account, read_scopes, read_seconds, read_token

READ: Final = "read"
WRITE: Final = "write"


class LoginProvider:
    """An integration of logins, sessions and API keys; its scopes are `read` and `write`."""

    def __init__(self, *, name: str, options: LoginOptions, client: ExchangeClient) -> None:
        self._name = name
        self._client = client
        self._api = BearerApi(client=client)
        self._scopes = ScopeRules((READ,), (READ, WRITE), options.refuse_wider_grants)
        self._keys = ApiKeys(
            client=client, restrictions=_endpoint(options.restrictions_url), account=_endpoint(options.account_url)
        )
        self._login = _endpoint(options.login_url)
        self._session = _endpoint(options.session_url)
        self._revocation = _endpoint(options.revoke_url)

    @property
    def name(self) -> str:
        return self._name

    @property
    def tolerates_reuse(self) -> bool:
        return False

    def redeem(self, grant: Grant, scope: Scope) -> Issued:  # noqa: ARG002  # each grant carries what it allows
        if isinstance(grant, SessionGrant):
            return Issued(BearerToken(grant.token), None, None, None, expires_at=grant.expires_at)
        if isinstance(grant, ApiKeyGrant):
            pair = ApiKeyPair(grant.key, grant.secret)
            writes = self._keys.may_write(pair)
            return Issued(pair, None, None, (READ, WRITE) if writes else (READ,))
        if not isinstance(grant, UserCredentials):
            raise TypeError(f"{self._name} takes no {type(grant).__name__}")
        return self._log_in(grant)

    def read_account(self, credential: Credential) -> str | None:
        # A session is kept as it is: what its login said of the account came with it.
        return self._keys.read_account(credential) if isinstance(credential, ApiKeyPair) else None

    def read_granted_scopes(self, credential: Credential) -> tuple[str, ...] | None:  # noqa: ARG002  # keys say theirs
        return None

    def covers(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._scopes.covers(granted, scope)

    def is_wider(self, granted: Sequence[str], scope: Scope) -> bool:
        return self._scopes.is_wider(granted, scope)

    def asked_scopes(self, scope: Scope) -> tuple[str, ...]:
        return self._scopes.asked(scope)

    def open_refresh(self) -> RefreshChannel:
        """There is nothing to refresh with: raises NOT_SENT."""
        raise ProviderError(Failure.NOT_SENT, integration=self._name)

    def revoke(
        self,
        credential: Credential,
        renewal: Secret | None,  # noqa: ARG002  # there is none
        *,
        learn: Learn,
    ) -> Upstream:
        if isinstance(credential, ApiKeyPair) or self._revocation is None:
            # API keys cannot be deleted through the API.
            return Upstream.UNSUPPORTED
        token = credential.token
        return Revocation(client=self._client, gone_is_401=True).run(
            renewal=None,
            access=Request("POST", self._revocation, bearer_header(token), b""),
            probe=lambda deadline: self._api.probe(self._session, token, deadline=deadline),
            learn=learn,
        )

    def probe(self, credential: Credential) -> Liveness:
        if isinstance(credential, ApiKeyPair):
            return self._keys.probe(credential)
        return self._api.probe(self._session, credential.token)

    def _log_in(self, grant: UserCredentials) -> Issued:
        if self._login is None:
            # No endpoint takes this login: the caller's grant is refused, and nobody else's.
            raise ProviderError(Failure.PERMANENT, integration=self._name)
        fields = {
            "username": grant.username.reveal(),
            "password": grant.password.reveal(),
            "otp": None if grant.otp is None else grant.otp.reveal(),
        }
        request = Request("POST", self._login, {}, json.dumps(fields).encode("ascii"), JSON)
        return self._client.spend(request, LOGIN, _read_session)


def _read_session(answer: Answer) -> Issued:
    fields = fields_of(answer)
    account = fields.get("account_id")
    return Issued(
        credential=BearerToken(read_token(fields.get("session_token"))),
        renewal=None,
        expires_in=read_seconds(fields.get("expires_in")),
        granted_scopes=read_scopes(fields.get("scopes")),
        account=None if account is None else read_account(account),
    )


def _endpoint(url: str | None) -> Endpoint | None:
    return None if url is None else Endpoint.parse(url)
