"""User ids that look the same are different users, and are kept whole."""

import pytest

from tests.support.clients import READ, refusal, token_of
from tests.support.service import Service, someone

LOOK_ALIKES = [
    "alice",
    "Alice",
    "alice ",
    " alice",
    "alicé",
    "\u0430lice",
    "alice\u200b",
    "\uff41\uff4c\uff49\uff43\uff45",
    "ALICE",
    "al\u0131ce",
    "alice\u00ad",
]


def test_user_ids_that_look_the_same_are_never_the_same_user(either: Service) -> None:
    prefix, account = someone(), someone("account")
    tokens = {}
    for name in LOOK_ALIKES:
        user = prefix + name
        answer = either.write.connect(user, "coinbase", READ, authorization_code=either.code("coinbase", account))
        tokens[user] = answer.token_id
    assert len(set(tokens.values())) == len(LOOK_ALIKES)
    for user, token_id in tokens.items():
        assert token_of(either.write.resolve(token_id, end_user_id=user))
        for other in tokens.keys() - {user}:
            refused = refusal(lambda t=token_id, o=other: either.write.resolve(t, end_user_id=o))  # type: ignore[misc]  # bound
            assert refused.reason == "TOKEN_NOT_FOUND"


@pytest.mark.parametrize("user", ["u" * 256, "\U0001d518" * 256, "é" * 256, "👨‍👩‍👧", "مستخدم"])
def test_the_longest_and_the_strangest_user_ids_are_kept_whole(either: Service, user: str) -> None:
    prefix = someone()
    user = prefix + user[len(prefix) :] if len(user) == 256 else prefix + user
    token_id, account = either.connected(end_user_id=user)
    assert token_of(either.write.resolve(token_id, end_user_id=user))
    assert refusal(lambda: either.write.resolve(token_id, end_user_id=user[:-1])).reason == "TOKEN_NOT_FOUND"
    again, _ = either.connected(end_user_id=user, account=account)
    assert again == token_id
