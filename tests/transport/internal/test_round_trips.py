"""What a worker asks arrives as it was asked, and comes back as it was answered."""

from collections.abc import Iterator

import pytest

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import (
    ApiKeyGrant,
    AuthorizationCode,
    ConnectOutcome,
    Grant,
    Identity,
    Liveness,
    OAuthTokens,
    Scope,
    SessionGrant,
    Upstream,
    UserCredentials,
)
from mmt_grpc.domain.ports.exchanger import Connected, ConnectOrder, Progress, RefreshAnswer, StagedRevocation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.transport.internal.wired import CONTEXT, Wired, wired

IDENTITY = Identity("client-1", "Zoë 🦊", "coinbase", Scope.WRITE)
GRANTS: list[Grant] = [
    AuthorizationCode(Secret("code"), "https://a.example/cb", Secret("verifier")),
    AuthorizationCode(Secret("code"), "", Secret("")),
    OAuthTokens(Secret("access"), Secret("refresh"), 1_800_000_000_000_001, ("a:read", "b:read")),
    OAuthTokens(Secret("access"), None, None, ()),
    UserCredentials(Secret("name"), Secret("password"), Secret("123456")),
    UserCredentials(Secret("name"), Secret("password"), None),
    ApiKeyGrant(Secret("key"), Secret("secret")),
    SessionGrant(Secret("session"), None),
    SessionGrant(Secret("session"), 0),
]


@pytest.fixture
def parts() -> Iterator[Wired]:
    with wired() as parts:
        yield parts


@pytest.mark.parametrize("grant", GRANTS)
def test_a_connect_order_arrives_whole(parts: Wired, grant: Grant) -> None:
    order = ConnectOrder(CONTEXT, IDENTITY, grant, "r-1", allow_account_change=True, time_left=9_000_000)
    connected = parts.worker.connect(order)
    assert connected == Connected("token-1", ConnectOutcome.CREATED, 0, refreshable=False)
    [(_, arrived)] = parts.exchanger.calls
    assert arrived.grant == grant
    assert arrived.identity == IDENTITY
    assert arrived.context == CONTEXT
    assert (arrived.request_id, arrived.allow_account_change) == ("r-1", True)
    # gRPC rounds deadlines up a little on the wire.
    assert 0 < arrived.time_left <= 9_200_000


def test_what_is_absent_stays_absent(parts: Wired) -> None:
    parts.exchanger.act = lambda _: Connected("t", ConnectOutcome.REAUTHENTICATED, None, refreshable=True)
    order = ConnectOrder(CONTEXT, IDENTITY, GRANTS[0], None, allow_account_change=False, time_left=9_000_000)
    assert parts.worker.connect(order).expires_at is None
    assert parts.exchanger.calls[0][1].request_id is None


@pytest.mark.parametrize(
    "answer",
    [RefreshAnswer(progress) for progress in Progress]
    + [RefreshAnswer(Progress.BACKING_OFF, reason=Reason.PROVIDER_RATE_LIMITED, wait=1_500_000)],
)
def test_a_refresh_answer_comes_back(parts: Wired, answer: RefreshAnswer) -> None:
    parts.exchanger.act = lambda _: answer
    assert parts.worker.refresh(CONTEXT, shard=4095, token_key=b"\0" * 32, generation=1 << 40) == answer
    assert parts.exchanger.calls == [("refresh", (CONTEXT, 4095, b"\0" * 32, 1 << 40))]


@pytest.mark.parametrize("liveness", list(Liveness))
def test_a_probe_comes_back(parts: Wired, liveness: Liveness) -> None:
    parts.exchanger.act = lambda _: liveness
    assert parts.worker.probe(CONTEXT, shard=0, token_key=b"k" * 32, generation=1) is liveness


@pytest.mark.parametrize(("renewal", "account"), [(b"renewal", b"a" * 32), (None, None)])
def test_sealed_credentials_are_handed_over(parts: Wired, renewal: bytes | None, account: bytes | None) -> None:
    staged = StagedRevocation(
        shard=7,
        binding=Binding(b"t" * 32, b"i" * 32, "uphold", Scope.READ, 3),
        sealed=SealedToken(1, 2, b"ak", b"rk", b"ab", renewal, b"mb"),
        account_key=account,
        unsettled=True,
    )
    parts.worker.stage_revocation(CONTEXT, staged)
    assert parts.exchanger.calls == [("stage_revocation", (CONTEXT, staged))]


@pytest.mark.parametrize("upstream", list(Upstream))
def test_what_the_exchange_said_comes_back(parts: Wired, upstream: Upstream) -> None:
    parts.exchanger.act = lambda _: upstream
    assert parts.worker.complete_revocation(CONTEXT, shard=1, token_key=b"k" * 32) is upstream
