"""The page on which a user allows or denies what an application asks for (RFC 6749 section 4.1.1)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from mmt_grpc.sandbox import pages
from mmt_grpc.sandbox.books import Books
from mmt_grpc.sandbox.message import NO_STORE, Request, Response, UnreadableError
from mmt_grpc.sandbox.names import is_account, is_scope
from mmt_grpc.sandbox.pkce import is_challenge
from mmt_grpc.sandbox.records import Terms
from mmt_grpc.sandbox.registration import Registration

_PASSED_ON = ("client_id", "response_type", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")


class Grantor(Protocol):
    """What the page needs to know of the exchange it belongs to."""

    registration: Registration
    books: Books
    offline_scope: str | None
    takes_pkce: bool
    requires_pkce: bool
    fixed_redirect: bool
    state_least: int
    code_seconds: float
    client_id_in_path: bool

    def terms(self, scopes: tuple[str, ...], *, refreshable: bool = True) -> Terms:
        """What an authorization with these scopes means at the exchange."""
        ...


class _BrokenRequestError(Exception):
    """The request must not be sent back to the application: nobody vouches for where it would go."""


@dataclass(frozen=True, slots=True)
class _Asked:
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str | None
    error: str | None
    """What to send back to the application instead of asking the user."""


class AuthorizePage:
    """Shows who asks for what, and sends the user's answer back to the application."""

    def __init__(self, *, grantor: Grantor) -> None:
        self._grantor = grantor

    def show(self, request: Request) -> Response:
        """The page, or a redirect that carries an error."""
        try:
            return self._show(request.parameters)
        except (UnreadableError, _BrokenRequestError) as error:
            return pages.page(400, "This request cannot be shown", pages.sentence(str(error)))

    def decide(self, request: Request) -> Response:
        """What the user chose: a redirect with a code or with access_denied."""
        try:
            return self._decide(request.form)
        except (UnreadableError, _BrokenRequestError) as error:
            return pages.page(400, "This request cannot be shown", pages.sentence(str(error)))

    def _show(self, parameters: dict[str, str]) -> Response:
        asked = self._read(parameters)
        return _redirect(asked, error=asked.error) if asked.error else self._form(asked, parameters)

    def _decide(self, form: dict[str, str]) -> Response:
        asked = self._read(form)
        if asked.error is not None:
            return _redirect(asked, error=asked.error)
        if form.get("decision") == "deny":
            return _redirect(asked, error="access_denied")
        account = form.get("account", "").strip()
        if form.get("decision") != "allow" or not is_account(account):
            return self._form(asked, form, complaint="Type the account that says yes.")
        granted = tuple(scope for scope in asked.scopes if f"scope:{scope}" in form)
        offline = self._grantor.offline_scope
        code = self._grantor.books.authorize(
            integration=self._grantor.registration.name,
            account=account,
            terms=self._grantor.terms(granted, refreshable=offline is None or offline in granted),
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            code_seconds=self._grantor.code_seconds,
        )
        return _redirect(asked, code=code)

    def _read(self, parameters: dict[str, str]) -> _Asked:
        registered = self._grantor.registration
        client_id = parameters.get("client_id", registered.client_id if self._grantor.client_id_in_path else "")
        if client_id != registered.client_id:
            raise _BrokenRequestError("The client_id is not that of a registered application.")
        redirect_uri = parameters.get("redirect_uri", registered.callback)
        if redirect_uri != registered.callback and (self._grantor.fixed_redirect or not _is_loopback(redirect_uri)):
            raise _BrokenRequestError("The redirect_uri is not a registered one.")
        scopes = tuple(dict.fromkeys(parameters.get("scope", "").replace(",", " ").split()))
        state = parameters.get("state", "")
        challenge = parameters.get("code_challenge") if self._grantor.takes_pkce else None
        return _Asked(redirect_uri, state, scopes, challenge, self._error(parameters, scopes, state, challenge))

    def _error(
        self, parameters: dict[str, str], scopes: tuple[str, ...], state: str, challenge: str | None
    ) -> str | None:
        if parameters.get("response_type", "code" if self._grantor.client_id_in_path else "") != "code":
            return "unsupported_response_type"
        if len(state) < self._grantor.state_least:
            return "invalid_request"
        if not scopes or not all(is_scope(scope) for scope in scopes):
            return "invalid_scope"
        if challenge is None:
            return "invalid_request" if self._grantor.requires_pkce else None
        # A method that is not named is "plain" (RFC 7636 section 4.3), which is not taken.
        good = parameters.get("code_challenge_method") == "S256" and is_challenge(challenge)
        return None if good else "invalid_request"

    def _form(self, asked: _Asked, parameters: dict[str, str], complaint: str = "") -> Response:
        passed_on = {name: parameters[name] for name in _PASSED_ON if name in parameters}
        registered = self._grantor.registration
        content = pages.sentence(f"The application {registered.client_id} asks for access to your account.")
        if complaint:
            content += pages.sentence(complaint, css_class="complaint")
        content += pages.consent_form(
            passed_on=passed_on, scopes=asked.scopes, account=parameters.get("account", "")
        ) + pages.labelled("The answer goes to", asked.redirect_uri)
        return pages.page(400 if complaint else 200, f"{registered.name.capitalize()}: allow access?", content)


def callback_page(request: Request) -> Response:
    """Where the registered redirect ends: the code, to be copied by whoever sits at the browser."""
    try:
        parameters = request.parameters
    except UnreadableError as error:
        return pages.page(400, "This answer cannot be shown", pages.sentence(str(error)))
    shown = [pages.labelled(name, parameters[name]) for name in ("code", "state", "error") if name in parameters]
    return pages.page(200, "Back at the application", "".join(shown) or pages.sentence("The answer is empty."))


def _redirect(asked: _Asked, **answer: str) -> Response:
    if asked.state:
        answer["state"] = asked.state
    separator = "&" if urlsplit(asked.redirect_uri).query else "?"
    location = f"{asked.redirect_uri}{separator}{urlencode(answer, errors='replace')}"
    # 303: the browser follows with GET, whatever the form was sent with (RFC 9700 section 4.12).
    return Response(303, b"", (("Location", location), ("Referrer-Policy", "no-referrer"), *NO_STORE))


def _is_loopback(uri: str) -> bool:
    """An absolute http(s) URL on this machine (RFC 8252 section 7.3), without a fragment or a login."""
    if not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri or "\\" in uri:
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
