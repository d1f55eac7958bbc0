"""The rule of scopes as a table: every token, every caller, everything that may be asked."""

import pytest

from mmt_grpc.domain import scope_rule
from mmt_grpc.domain.errors import ScopeMismatchError
from mmt_grpc.domain.model import Scope
from tests.support.fakes_world import Client, World

R, W = Scope.READ, Scope.WRITE

TABLE = [
    # token, caller, required, permitted, granted, required as told
    (R, R, R, True, R, R),
    (R, R, W, False, R, W),
    (R, W, R, True, R, R),
    (R, W, W, False, R, W),
    (W, R, R, False, R, W),
    (W, R, W, False, R, W),
    (W, W, R, True, W, W),
    (W, W, W, True, W, W),
]


@pytest.mark.parametrize("row", TABLE)
def test_the_rule(row: tuple[Scope, Scope, Scope, bool, Scope, Scope]) -> None:
    token, caller, required, permitted, granted, told = row

    assert scope_rule.permits(token=token, caller=caller, required=required) is permitted
    assert scope_rule.granted_scope(token=token, caller=caller) is granted
    if permitted:
        scope_rule.check(token=token, caller=caller, required=required)
        return
    with pytest.raises(ScopeMismatchError) as refusal:
        scope_rule.check(token=token, caller=caller, required=required)
    assert refusal.value.metadata == {"granted_scope": granted.wire_name, "required_scope": told.wire_name}


@pytest.mark.parametrize("row", TABLE)
def test_resolve_and_check_scope_say_the_same(
    world: World, row: tuple[Scope, Scope, Scope, bool, Scope, Scope]
) -> None:
    token, caller, required, permitted, granted, _ = row
    connected = world.client().connect("alice", world.coinbase.authorize("alice", token), scope=token)
    client: Client = world.client(scope=caller)

    answer = client.check_scope(connected.token_id, required)

    assert (answer.allowed, answer.granted) == (permitted, granted)
    if permitted:
        assert client.resolve(connected.token_id, required=required).scope is token
        return
    with pytest.raises(ScopeMismatchError):
        client.resolve(connected.token_id, required=required)


@pytest.mark.parametrize(("caller", "wanted", "permitted"), [(R, R, True), (R, W, False), (W, R, True), (W, W, True)])
def test_nobody_connects_for_more_than_its_own(world: World, *, caller: Scope, wanted: Scope, permitted: bool) -> None:
    client, code = world.client(scope=caller), world.coinbase.authorize("alice", wanted)
    if permitted:
        assert client.connect("alice", code, scope=wanted).scope is wanted
        return
    with pytest.raises(ScopeMismatchError) as refusal:
        client.connect("alice", code, scope=wanted)
    assert refusal.value.metadata == {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}
    assert world.coinbase.counts["exchanges"] == 0
