"""A token id keeps its account: whose a grant is, and what becomes of one whose account cannot be learned."""

import pytest

from mmt_grpc.domain.errors import (
    AccountMismatchError,
    GrantRejectedError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
)
from mmt_grpc.domain.model import AuthorizationCode, ConnectOutcome, Grant
from mmt_grpc.domain.token_row import TokenState
from tests.support.fakes_exchange_faults import OUTAGE, REFUSED, Fault, limited
from tests.support.fakes_world import Client, World

FIRST = "first"
SECOND = "second"
UNLEARNED = None


@pytest.mark.parametrize(
    ("pinned", "comes", "may_change", "kept"),
    [
        (FIRST, FIRST, False, True),
        (FIRST, SECOND, False, False),
        (FIRST, UNLEARNED, False, False),
        (FIRST, FIRST, True, True),
        (FIRST, SECOND, True, True),
        (FIRST, UNLEARNED, True, True),
        (UNLEARNED, FIRST, False, True),
        (UNLEARNED, UNLEARNED, False, True),
        (UNLEARNED, FIRST, True, True),
    ],
)
def test_a_token_id_keeps_its_account(
    world: World, client: Client, *, pinned: str | None, comes: str | None, may_change: bool, kept: bool
) -> None:
    connected = client.connect("alice", _code_of(world, pinned))
    before = world.standing(connected.token_id)
    code = _code_of(world, comes)

    if kept:
        again = client.connect("alice", code, allow_account_change=may_change)
        assert again.token_id == connected.token_id
        return
    with pytest.raises(AccountMismatchError):
        client.connect("alice", code, allow_account_change=may_change)
    world.sweep()
    assert world.standing(connected.token_id) == before
    assert world.coinbase.living == 1
    assert world.spooled() == []


def test_an_account_that_could_not_be_learned_adopts_the_first_one_that_is(world: World, client: Client) -> None:
    connected = client.connect("alice", _code_of(world, UNLEARNED))
    client.connect("alice", _code_of(world, FIRST))

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, SECOND))
    assert world.standing(connected.token_id).account_key is not None


def test_a_changed_account_is_the_new_pin(world: World, client: Client) -> None:
    client.connect("alice", _code_of(world, FIRST))
    client.connect("alice", _code_of(world, SECOND), allow_account_change=True)

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, FIRST))


def test_the_pin_outlives_refreshes_and_the_need_to_log_in_again(world: World, client: Client) -> None:
    connected = client.connect("alice", _code_of(world, FIRST))
    world.pass_time(3600)
    client.resolve(connected.token_id)
    world.coinbase.withdraw(FIRST)
    world.pass_time(3600)
    with pytest.raises(Exception, match="REAUTHENTICATION"):
        client.resolve(connected.token_id)
    assert world.standing(connected.token_id).state is TokenState.REAUTHENTICATION

    with pytest.raises(AccountMismatchError):
        client.connect("alice", _code_of(world, SECOND))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (REFUSED, GrantRejectedError),
        (limited(3), ProviderRateLimitedError),
        (OUTAGE, ProviderUnavailableError),
    ],
)
def test_a_lookup_that_fails_fails_the_connect_and_ends_the_fresh_grant(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    world.coinbase.strike("account", fault)

    with pytest.raises(expected):
        client.connect("alice", world.coinbase.authorize("alice"))
    world.sweep()

    assert world.rows.rows == {}
    assert world.coinbase.living == 0
    assert [recorded.state for recorded in world.rows.requests.values()] == ["REJECTED"]


@pytest.mark.parametrize(
    ("fault", "expected"), [(limited(3), ProviderRateLimitedError), (OUTAGE, ProviderUnavailableError)]
)
def test_a_grant_that_can_be_sent_again_outlives_a_lookup_that_fails(
    world: World, client: Client, fault: Fault, expected: type[Exception]
) -> None:
    grants: dict[str, Grant] = {
        "coinbase": world.coinbase.ready("alice"),
        "binance": world.binance.add_user("alice"),
    }
    for integration, grant in grants.items():
        world.exchanges[integration].strike("account", fault)
        with pytest.raises(expected) as failure:
            client.connect("alice", grant, integration=integration, request_id=integration)
        assert getattr(failure.value, "retry_after", None)
        world.sweep()

        assert client.connect("alice", grant, integration=integration, request_id=integration).token_id
        assert world.exchanges[integration].living == 1


def test_outcomes_say_what_happened_to_the_identity(world: World, client: Client) -> None:
    grants = [world.coinbase.authorize("alice") for _ in range(3)]

    outcomes = [client.connect("alice", grant).outcome for grant in grants]

    assert outcomes == [ConnectOutcome.CREATED, ConnectOutcome.REAUTHENTICATED, ConnectOutcome.REAUTHENTICATED]


def _code_of(world: World, account: str | None) -> AuthorizationCode:
    """Return a code of an account, whose lookup says nothing where it is None."""
    world.coinbase.tells_account = account is not None
    return world.coinbase.authorize(account or FIRST)
