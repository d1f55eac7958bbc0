"""What a bearer token may be asked at an exchange's API: whose it is, and whether it is alive."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from mmt_grpc.domain.model import Liveness
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.classification import wants_otp
from mmt_grpc.providers.client import ExchangeClient, Read, T, is_success
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.message import Answer, Request

_LACKS_SCOPE: Final = frozenset({"insufficient_scope", "invalid_scope"})


def bearer_header(token: Secret) -> dict[str, str]:
    """Return the Authorization header."""
    return {"Authorization": f"Bearer {token.reveal()}"}


def lacks_permission(answer: Answer) -> bool:
    """Whether the exchange refuses this request and yet knows the token: a missing scope, a second factor."""
    return answer.status == HTTPStatus.FORBIDDEN or wants_otp(answer)


class BearerApi:
    """Reads with a bearer token."""

    def __init__(self, *, client: ExchangeClient) -> None:
        self._client = client

    def ask(self, endpoint: Endpoint, token: Secret, read: Read[T]) -> T | None:
        """Read something of the token's owner; None if the token lacks the permission. Raises `ProviderError`."""

        def read_permitted(answer: Answer) -> T | None:
            return read(answer) if is_success(answer) else None

        return self._client.repeat(_get(endpoint, token), read_permitted, readable=_is_spoken)

    def probe(self, endpoint: Endpoint | None, token: Secret, *, deadline: Deadline | None = None) -> Liveness:
        """Ask whether the token is alive; UNKNOWN without an endpoint. Raises `ProviderError`."""
        if endpoint is None:
            return Liveness.UNKNOWN
        try:
            return self._client.repeat(_get(endpoint, token), _liveness, readable=_is_spoken, deadline=deadline)
        except ProviderError as error:
            if error.failure is Failure.PERMANENT:
                return Liveness.DEAD
            raise


def _is_spoken(answer: Answer) -> bool:
    return is_success(answer) or lacks_permission(answer)


def _get(endpoint: Endpoint, token: Secret) -> Callable[[], Request]:
    request = Request("GET", endpoint, bearer_header(token))
    return lambda: request


def _liveness(answer: Answer) -> Liveness:
    # A bare 403 may come from a firewall that never looked at the token.
    known = is_success(answer) or wants_otp(answer) or answer.error in _LACKS_SCOPE
    return Liveness.ALIVE if known else Liveness.UNKNOWN
