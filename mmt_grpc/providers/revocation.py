"""How an exchange's word on a revocation is weighed: a yes is believed only when the token turns out dead."""

import enum
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from mmt_grpc.domain.model import Liveness, Upstream
from mmt_grpc.domain.ports.providers import Learn, ProviderError
from mmt_grpc.providers.classification import REVOCATION, wants_otp
from mmt_grpc.providers.client import ExchangeClient, is_success
from mmt_grpc.providers.deadline import Deadline
from mmt_grpc.providers.message import Answer, Request

_BEFORE: Final = 0.25
"""The share of the time that asking before may take: the revocation itself matters more."""


class Said(enum.Enum):
    """What the exchange said to one request."""

    YES = "yes"
    UNSUPPORTED = "unsupported"
    NO = "no"


class Revocation:
    """One grant's revocation: ask, tell, ask again."""

    def __init__(self, *, client: ExchangeClient, gone_is_401: bool) -> None:
        """`gone_is_401`: the exchange answers 401 for a token that is gone already."""
        self._client = client
        self._gone_is_401 = gone_is_401

    def run(
        self,
        *,
        renewal: Request | None,
        access: Request,
        probe: Callable[[Deadline], Liveness],
        learn: Learn,
    ) -> Upstream:
        """Send the refresh token's request first, then the access token's; never raises.

        `probe` asks whether the access token is alive; `learn` as `Provider.revoke` has it.
        """
        deadline, patience = self._client.deadline(), _Patience(learn=learn)
        before = _try(probe, deadline.within(deadline.left * _BEFORE), patience)
        renewal_said = Said.UNSUPPORTED if renewal is None else self._tell(renewal, deadline, patience)
        access_said = self._tell(access, deadline, patience)
        return weigh(before, (renewal_said, access_said), _try(probe, deadline, patience))

    def _tell(self, request: Request, deadline: Deadline, patience: "_Patience") -> Said:
        if patience.is_lost:
            return Said.NO

        def read(answer: Answer) -> Said:
            return Said.UNSUPPORTED if answer.error == "unsupported_token_type" else Said.YES

        def readable(answer: Answer) -> bool:
            gone = self._gone_is_401 and answer.status == HTTPStatus.UNAUTHORIZED and not wants_otp(answer)
            return is_success(answer) or gone or answer.error == "unsupported_token_type"

        try:
            return self._client.repeat(lambda: request, read, rules=REVOCATION, readable=readable, deadline=deadline)
        except ProviderError as error:
            patience.failed(error, lost=error.banned or error.rate_limited or error.retry_after is not None)
            return Said.NO


class _Patience:
    """The exchange's with one grant's revocation: once it `is_lost`, asking on would only make it worse."""

    def __init__(self, *, learn: Learn) -> None:
        self._learn = learn
        self.is_lost = False

    def failed(self, error: ProviderError, *, lost: bool) -> None:
        """Have an error learned."""
        self.is_lost = self.is_lost or lost
        self._learn(error)


def weigh(before: Liveness, said: Sequence[Said], after: Liveness) -> Upstream:
    """Judge by what the exchange said of the refresh token and of the access token, and by the probes around it."""
    renewal, access = said
    verified = before is Liveness.ALIVE and after is Liveness.DEAD
    if after is Liveness.ALIVE or renewal is Said.NO or (access is Said.NO and not verified):
        return Upstream.FAILED
    if verified:
        return Upstream.REVOKED
    return Upstream.ACCEPTED if Said.YES in said else Upstream.UNSUPPORTED


def _try(probe: Callable[[Deadline], Liveness], deadline: Deadline, patience: _Patience) -> Liveness:
    if patience.is_lost:
        return Liveness.UNKNOWN
    try:
        return probe(deadline)
    except ProviderError as error:
        # Only a ban goes for the revocation, too: it is worth more than being able to say that it was done.
        patience.failed(error, lost=error.banned)
        return Liveness.UNKNOWN
