"""Who calls, and what they may do: a table of methods that fails closed."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mmt_grpc.domain.errors import CallerForbiddenError, InvalidRequestError, Violation
from mmt_grpc.domain.model import Scope


class Method(enum.StrEnum):
    """The RPCs of `mmt.v1.TokenService`."""

    CONNECT = "Connect"
    RESOLVE = "Resolve"
    REVOKE = "Revoke"
    CHECK_SCOPE = "CheckScope"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: its name in the audit log, the clients it may act for and its highest scope."""

    name: str
    clients: frozenset[str]
    scope: Scope
    methods: frozenset[Method]

    def client_for(self, client_id: str) -> str:
        """Return the client that a request names; an empty name stands for the only one.

        Raises `CallerForbiddenError` for a client that is not granted, `InvalidRequestError` for an empty name where
        there are several.
        """
        if not client_id:
            if len(self.clients) != 1:
                raise InvalidRequestError(Violation("client_id", "must name one of the caller's clients"))
            return next(iter(self.clients))
        if client_id not in self.clients:
            raise CallerForbiddenError
        return client_id


API_KEY_METHODS: Final[Mapping[Scope, frozenset[Method]]] = {
    Scope.READ: frozenset({Method.CONNECT, Method.RESOLVE, Method.REVOKE, Method.CHECK_SCOPE}),
    Scope.WRITE: frozenset({Method.CONNECT, Method.RESOLVE, Method.REVOKE, Method.CHECK_SCOPE}),
}
"""What API keys of a scope may call; a method in no row is refused. The scopes of tokens are checked per call."""


def admit(caller: Caller, method: str) -> Method:
    """Return the method if the caller may use it; `CallerForbiddenError` for any other name."""
    try:
        known = Method(method)
    except ValueError:
        raise CallerForbiddenError from None
    if known not in caller.methods:
        raise CallerForbiddenError
    return known
