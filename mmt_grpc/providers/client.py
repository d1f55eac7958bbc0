"""Requests with a meaning: what an integration is asked comes back as a value, or as the one kind of error."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.providers.classification import (
    LOOKUP,
    Rules,
    classify,
    is_ban,
    is_rate_limited,
    is_unexplained,
    retry_after,
)
from mmt_grpc.providers.connection import Connection
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.endpoint import Endpoint
from mmt_grpc.providers.exchange_http import ExchangeHttp
from mmt_grpc.providers.message import Answer, Request
from mmt_grpc.providers.retrying import HARMLESS, UNSENT, RetryPolicy
from mmt_grpc.providers.token_answer import GarbledError

T = TypeVar("T")
Read = Callable[[Answer], T]
"""Reads an answer; raises `GarbledError` if it cannot."""


def is_success(answer: Answer) -> bool:
    """Whether an answer says that what was asked was done."""
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


class ExchangeClient:
    """One integration's requests: sent, classified, and repeated where the policy allows."""

    def __init__(
        self, *, integration: str, http: ExchangeHttp, retry: RetryPolicy, wall_clock: Callable[[], float]
    ) -> None:
        """`wall_clock` gives Unix seconds: exchanges date their Retry-After and want their signatures dated."""
        self.integration: Final = integration
        self.wall_clock: Final = wall_clock
        self._http = http
        self._retry = retry

    def deadline(self) -> Deadline:
        """Return the end of an exchange that starts now."""
        return self._http.deadline()

    def open(self, endpoint: Endpoint) -> Connection:
        """Connect for one request; raises NOT_SENT."""
        return self._http.open(endpoint, self.deadline())

    def spend(self, request: Request, rules: Rules, read: Read[T]) -> T:
        """Send what must not be done twice: repeated only if it certainly was not done."""
        deadline = self.deadline()
        return self._retry.run(
            lambda: self.settle(self._http.send(request, deadline), rules, read),
            integration=self.integration,
            deadline=deadline,
            repeatable=UNSENT,
        )

    def repeat(
        self,
        make: Callable[[], Request],
        read: Read[T],
        *,
        rules: Rules = LOOKUP,
        readable: Callable[[Answer], bool] = is_success,
        deadline: Deadline | None = None,
    ) -> T:
        """Send what may be done twice, a read or a revocation: repeated after an unknown outcome too.

        `make` builds the request anew for every try, `readable` says which answers `read` takes. Raises
        `ProviderError`, but never AMBIGUOUS: what may be done twice can be done again.
        """
        until = deadline or self.deadline()
        try:
            return self._retry.run(
                lambda: self.settle(self._http.send(make(), until), rules, read, readable),
                integration=self.integration,
                deadline=until,
                repeatable=HARMLESS,
            )
        except ProviderError as error:
            if error.failure is not Failure.AMBIGUOUS:
                raise
        raise ProviderError(Failure.NOT_CONSUMED, integration=self.integration)

    def settle(self, answer: Answer, rules: Rules, read: Read[T], readable: Callable[[Answer], bool] = is_success) -> T:
        """Read an answer that is readable; raise what any other one means."""
        if readable(answer):
            try:
                return read(answer)
            except GarbledError:
                raise ProviderError(Failure.AMBIGUOUS, integration=self.integration) from None
        failure = classify(answer, rules)
        if failure is not Failure.NOT_CONSUMED:
            raise ProviderError(failure, integration=self.integration)
        raise ProviderError(
            failure,
            integration=self.integration,
            rate_limited=is_rate_limited(answer),
            retry_after=retry_after(answer, now=self.wall_clock()),
            banned=is_ban(answer),
            unexplained=is_unexplained(answer, rules),
        )
