"""The part of RFC 6749 that all OAuth exchanges share; what they word differently is in their own files."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from mmt_grpc.sandbox.authorize import AuthorizePage, callback_page
from mmt_grpc.sandbox.books import Books, Issued
from mmt_grpc.sandbox.exchange import Endpoint, Outage
from mmt_grpc.sandbox.message import Request, Response, UnreadableError, json_response
from mmt_grpc.sandbox.records import Chain, Terms, TokenKind
from mmt_grpc.sandbox.refusal import Reason, RefusedError
from mmt_grpc.sandbox.registration import Registration

MONTH_SECONDS = 30 * 24 * 3600.0


class OAuthExchange(ABC):
    """One OAuth integration; a subclass gives paths, lifetimes, client authentication and error shapes."""

    authorize_path = "/oauth2/auth"
    account_path = "/account"
    read_scopes: tuple[str, ...] = ("read",)
    write_scopes: tuple[str, ...] = ("read", "write")
    offline_scope: str | None = None
    """The scope without which there is no refresh token."""
    requires_pkce = False
    takes_pkce = True
    fixed_redirect = False
    client_id_in_path = False
    state_least = 0
    """The shortest `state` that the authorize page takes."""
    code_seconds = 600.0
    access_seconds: float | None = 3600.0
    """How long an access token lives; None: for ever."""
    lone_access_seconds: float | None = 3600.0
    """The same, where there is no refresh token beside it."""
    refresh_seconds = 12 * MONTH_SECONDS
    access_scope: str | None = None
    """The scope that the account endpoint wants."""
    refused_grants: ClassVar[Mapping[tuple[str, Reason], Response]] = {}
    """Answers to a code or refresh token, by grant type and reason, that are not the usual `invalid_grant`."""
    refused_reads: ClassVar[Mapping[Reason, Response]] = {}
    """Answers of the API to an access token that are not `refused_read`."""
    refused_read: Response

    def __init__(self, *, registration: Registration, books: Books) -> None:
        self.registration = registration
        self.books = books
        page = AuthorizePage(grantor=self)
        self.endpoints: Mapping[tuple[str, str], Endpoint] = {
            ("GET", self.authorize_path): Endpoint("page", page.show, _nobody),
            ("POST", self.authorize_path): Endpoint("page", page.decide, _nobody),
            ("GET", "/callback"): Endpoint("page", callback_page, _nobody),
            ("POST", "/oauth2/token"): Endpoint("token", self.token, self._token_owner, limited=True),
            ("POST", "/oauth2/revoke"): Endpoint("revoke", self.revoke, self._revoke_owner),
            ("GET", self.account_path): Endpoint("account", self.account, self.bearer_owner),
            **self.further_endpoints(),
        }

    def further_endpoints(self) -> Mapping[tuple[str, str], Endpoint]:
        """What an exchange has besides."""
        return {}

    def terms(
        self,
        scopes: tuple[str, ...],
        *,
        refreshable: bool = True,
        access_seconds: float | None = None,
        refresh_seconds: float | None = None,
        scope_in_answer: bool = True,
    ) -> Terms:
        """What an authorization with these scopes means here; None stands for the exchange's own lifetime."""
        if self.offline_scope is not None:
            scopes = tuple(scope for scope in scopes if scope != self.offline_scope)
            scopes += (self.offline_scope,) if refreshable else ()
        usual = self.access_seconds if refreshable else self.lone_access_seconds
        refresh = self.refresh_seconds if refresh_seconds is None else refresh_seconds
        return Terms(
            scopes=scopes,
            access_seconds=usual if access_seconds is None else access_seconds,
            refresh_seconds=refresh if refreshable else None,
            scope_in_answer=scope_in_answer,
        )

    def token(self, request: Request) -> Response:
        """RFC 6749 sections 4.1.3 and 6."""
        try:
            form = request.form
        except UnreadableError as unreadable:
            return self.token_error("invalid_request", str(unreadable))
        if not self.knows_client(request):
            return self.token_error("invalid_client", "The client's credentials are missing or wrong.")
        try:
            return self._grant(form)
        except RefusedError as refused:
            usual = self.token_error("invalid_grant", "The grant is invalid, expired, revoked or another client's.")
            return self.refused_grants.get((form["grant_type"], refused.reason), usual)

    def _grant(self, form: dict[str, str]) -> Response:
        kind = form.get("grant_type")
        if kind == "authorization_code":
            if not form.get("code"):
                return self.token_error("invalid_request", "The parameter code is missing.")
            issued = self.books.exchange(
                integration=self.registration.name,
                code=form["code"],
                redirect_uri=None if self.fixed_redirect else form.get("redirect_uri", ""),
                verifier=form.get("code_verifier") if self.takes_pkce else None,
            )
        elif kind == "refresh_token":
            if not form.get("refresh_token"):
                return self.token_error("invalid_request", "The parameter refresh_token is missing.")
            issued = self.books.refresh(integration=self.registration.name, token=form["refresh_token"])
        elif not kind:
            return self.token_error("invalid_request", "The parameter grant_type is missing.")
        else:
            return self.token_error("unsupported_grant_type", "The grant type is not supported.")
        return json_response(200, self.token_answer(issued))

    def token_answer(self, issued: Issued) -> dict[str, object]:
        """The body of RFC 6749 section 5.1."""
        terms = issued.chain.terms
        answer: dict[str, object] = {"access_token": issued.access, "token_type": "bearer"}
        if terms.access_seconds is not None:
            answer["expires_in"] = whole(terms.access_seconds)
        if issued.refresh is not None:
            answer["refresh_token"] = issued.refresh
        if terms.scope_in_answer:
            answer["scope"] = " ".join(terms.scopes)
        return answer

    def account(self, request: Request) -> Response:
        """Who the access token belongs to."""
        return self.reading(request, self.access_scope, self.account_answer)

    def reading(self, request: Request, scope: str | None, answer: Callable[[Chain], dict[str, object]]) -> Response:
        """Answer a read of the API: a live access token, and the scope it takes."""
        try:
            chain = self._access_chain(request)
        except RefusedError as refused:
            return self.refused_reads.get(refused.reason, self.refused_read)
        if scope is not None and scope not in chain.terms.scopes:
            return self.refuse(Outage.FORBIDDEN, endpoint="account", retry_after=0)
        return json_response(200, answer(chain))

    def bearer_owner(self, request: Request) -> str | None:
        """The account behind the Authorization header."""
        return self._owner(request.bearer)

    def knows_client(self, request: Request) -> bool:
        """Whether the request authenticates the registered client in the way this exchange takes."""
        presented = self.client_credentials(request)
        if presented is None:
            return False
        expected = (self.registration.client_id, self.registration.client_secret)
        # Both are always compared, so that timing does not tell which one was wrong.
        results = [hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(presented, expected, strict=True)]
        return all(results)

    @abstractmethod
    def client_credentials(self, request: Request) -> tuple[str, str] | None:
        """Client id and secret where this exchange takes them, else None."""

    @abstractmethod
    def token_error(self, error: str, description: str) -> Response:
        """An error of the token endpoint."""

    @abstractmethod
    def account_answer(self, chain: Chain) -> dict[str, object]:
        """The body of the account endpoint."""

    @abstractmethod
    def revoke(self, request: Request) -> Response:
        """The revocation endpoint."""

    @abstractmethod
    def refuse(self, outage: Outage, *, endpoint: str, retry_after: float) -> Response:
        """The wording of a refusal that a fault or a limit makes."""

    def _access_chain(self, request: Request) -> Chain:
        if request.bearer is None:
            raise RefusedError(Reason.UNKNOWN)
        name = self.registration.name
        return self.books.inspect(integration=name, token=request.bearer, kind=TokenKind.ACCESS)[0]

    def _token_owner(self, request: Request) -> str | None:
        form = readable_form(request)
        return self._owner(form.get("code") or form.get("refresh_token"))

    def _revoke_owner(self, request: Request) -> str | None:
        return self._owner(readable_form(request).get("token") or request.bearer)

    def _owner(self, text: str | None) -> str | None:
        return None if text is None else self.books.owner(integration=self.registration.name, text=text)


def readable_form(request: Request) -> dict[str, str]:
    """The form, or an empty one where it cannot be read."""
    try:
        return request.form
    except UnreadableError:
        return {}


def whole(seconds: float) -> int | float:
    """Seconds as a JSON integer where they are whole, else as a fraction."""
    return int(seconds) if float(seconds).is_integer() else seconds


def _nobody(_request: Request) -> None:
    return None
