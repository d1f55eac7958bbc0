"""What the service promises, scenario by scenario, on SQLite and on MariaDB."""

import pytest

from tests.support.clients import CREATED, READ, REAUTHENTICATED, WRITE, refusal, token_of
from tests.support.service import Service, someone
from tests.support.waiting import until

OAUTH = ("coinbase", "uphold")
UNKNOWN = "12345678-1234-8234-9234-123456789abc"


@pytest.mark.parametrize("integration", OAUTH)
def test_the_same_user_connects_again_and_keeps_the_token_id_with_new_credentials(
    either: Service, integration: str
) -> None:
    user, account = someone(), someone("account")
    first = either.write.connect(user, integration, READ, authorization_code=either.code(integration, account))
    before = either.write.resolve(first.token_id)
    again = either.write.connect(user, integration, READ, authorization_code=either.code(integration, account))
    after = either.write.resolve(first.token_id)
    assert (first.outcome, again.outcome) == (CREATED, REAUTHENTICATED)
    assert again.token_id == first.token_id
    assert token_of(after) != token_of(before)
    assert after.generation > before.generation
    assert either.is_live(integration, account, token_of(after))


def test_the_same_user_connecting_again_is_revalidated(either: Service) -> None:
    user, account = someone(), someone("account")
    code = either.code("coinbase", account)
    token_id = either.write.connect(user, "coinbase", READ, authorization_code=code).token_id
    narrow = either.code("coinbase", account, granted_scopes=["wallet:user:read"])
    assert refusal(lambda: either.write.connect(user, "coinbase", READ, authorization_code=narrow)).reason == (
        "GRANT_REJECTED"
    )
    assert either.is_live("coinbase", account, token_of(either.write.resolve(token_id)))


def test_a_key_of_the_same_user_is_checked_again_at_the_exchange(either: Service) -> None:
    user, account = someone(), someone("account")
    key = either.api_key(account)
    first = either.write.connect(user, "binance", READ, api_key=key)
    assert either.write.connect(user, "binance", READ, api_key=key).token_id == first.token_id
    either.end("binance", account)
    assert refusal(lambda: either.write.connect(user, "binance", READ, api_key=key)).reason == "GRANT_REJECTED"


def test_another_user_gets_another_token_id(either: Service) -> None:
    account = someone("account")
    one, _ = either.connected(account=account)
    other, _ = either.connected(account=account)
    assert one != other


def test_another_integration_gets_another_token_id(either: Service) -> None:
    user, account = someone(), someone("account")
    one, _ = either.connected("coinbase", end_user_id=user, account=account)
    other, _ = either.connected("uphold", end_user_id=user, account=account)
    assert one != other


def test_another_client_gets_another_token_id(either: Service) -> None:
    user, account = someone(), someone("account")
    ours, _ = either.connected(end_user_id=user, account=account)
    with either.caller(either.new_key(either.new_client(), "write")) as stranger:
        code = either.code("coinbase", account)
        theirs = stranger.connect(user, "coinbase", READ, authorization_code=code)
    assert theirs.outcome == CREATED
    assert theirs.token_id != ours


def test_the_same_user_with_another_scope_gets_another_token_id(either: Service) -> None:
    user, account = someone(), someone("account")
    read, _ = either.connected(scope=READ, end_user_id=user, account=account)
    write, _ = either.connected(scope=WRITE, end_user_id=user, account=account)
    assert read != write
    assert either.write.resolve(read).scope == READ
    assert either.write.resolve(write, WRITE).scope == WRITE


@pytest.mark.parametrize("integration", OAUTH)
def test_a_write_operation_with_a_read_only_token_id_is_a_scope_mismatch_and_never_a_token(
    either: Service, integration: str
) -> None:
    token_id, account = either.connected(integration, READ)
    token = token_of(either.write.resolve(token_id))
    refused = refusal(lambda: either.write.resolve(token_id, WRITE))
    assert refused.reason == "SCOPE_MISMATCH"
    assert refused.metadata == {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}
    assert token.encode() not in refused.everything
    checked = either.write.check_scope(token_id, WRITE)
    assert (checked.allowed, checked.granted_scope) == (False, READ)
    assert either.books(integration, account)["refreshes"] == 0


@pytest.mark.parametrize("integration", OAUTH)
def test_an_expired_access_token_is_refreshed_behind_the_call_for_ever_under_the_same_token_id(
    either: Service, integration: str
) -> None:
    token_id, account = either.connected(integration, WRITE, access_seconds=1)
    tokens = [token_of(either.write.resolve(token_id, WRITE))]
    for _ in range(3):
        until(lambda: not either.is_live(integration, account, tokens[-1]), "the token expires")
        refreshes = either.books(integration, account)["refreshes"]
        tokens.append(token_of(either.write.resolve(token_id, WRITE)))
        assert either.books(integration, account)["refreshes"] == refreshes + 1
    assert len(set(tokens)) == len(tokens)
    books = either.books(integration, account)
    assert (books["exchanges"], books["reuses"]) == (1, 0)


def test_an_expired_binance_session_wants_the_user_and_the_next_connect_revives_the_token_id(either: Service) -> None:
    user, account = someone(), someone("account")
    login = either.user(account, session_seconds=1)
    token_id = either.write.connect(user, "binance", READ, user_credentials=login).token_id
    session = token_of(either.write.resolve(token_id, min_validity={}))
    until(lambda: not either.is_live("binance", account, session), "the session ends")
    refused = refusal(lambda: either.write.resolve(token_id))
    assert refused.reason == "REAUTHENTICATION_REQUIRED"
    assert refused.metadata == {"cause": "EXPIRED", "integration": "binance"}
    again = either.write.connect(user, "binance", READ, user_credentials=either.user(account, session_seconds=3600))
    assert (again.token_id, again.outcome) == (token_id, REAUTHENTICATED)
    assert either.is_live("binance", account, token_of(either.write.resolve(token_id)))


@pytest.mark.parametrize("integration", OAUTH)
def test_a_revoked_token_ends_everywhere_and_a_later_connect_gets_a_new_token_id(
    either: Service, integration: str
) -> None:
    user, account = someone(), someone("account")
    token_id, _ = either.connected(integration, end_user_id=user, account=account)
    token = token_of(either.write.resolve(token_id))
    revoked = either.write.revoke(token_id)
    assert revoked.upstream == 1  # UPSTREAM_REVOKED: verified
    assert not either.is_live(integration, account, token)
    for call in (either.write.resolve, either.read.resolve, either.write.check_scope, either.write.revoke):
        assert refusal(lambda call=call: call(token_id)).reason == "TOKEN_NOT_FOUND"  # type: ignore[misc]  # bound
    new, _ = either.connected(integration, end_user_id=user, account=account)
    assert new != token_id
    assert refusal(lambda: either.write.resolve(token_id)).reason == "TOKEN_NOT_FOUND"


def test_a_strangers_an_unknown_and_a_revoked_token_id_get_the_same_answer_byte_for_byte(either: Service) -> None:
    ours, _ = either.connected()
    revoked, _ = either.connected()
    either.write.revoke(revoked)
    with either.caller(either.new_key(either.new_client(), "write")) as stranger:
        for verb in ("resolve", "revoke", "check_scope"):
            theirs = refusal(lambda verb=verb: getattr(stranger, verb)(ours))  # type: ignore[misc]  # bound
            answers = [refusal(lambda v=verb, t=t: getattr(either.write, v)(t)) for t in (UNKNOWN, revoked)]  # type: ignore[misc]  # bound
            assert theirs.reason == "TOKEN_NOT_FOUND"
            assert {answer.everything for answer in answers} == {theirs.everything}
    assert token_of(either.write.resolve(ours))


@pytest.mark.parametrize("wallet", ["metamask", "walletconnect", "phantom", "coinbasewallet"])
def test_a_self_custody_wallet_needs_no_token(either: Service, wallet: str) -> None:
    code = {"code": "any", "redirect_uri": "https://example.com/callback"}
    refused = refusal(lambda: either.write.connect(someone(), wallet, READ, authorization_code=code))
    assert refused.reason == "TOKEN_NOT_REQUIRED"
    assert refused.code.name == "FAILED_PRECONDITION"
