"""The demonstration's first part: connections, and who gets at them."""

import uuid
from typing import Final

from mmt_grpc.app.demo_stage import Came, Stage, masked, refusal, short
from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import ApiKeyPair, AuthorizationCode, ConnectOutcome, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.verbs import ConnectResult, ResolveQuery

ADA: Final = "ada@example.com"
BOB: Final = "bob@example.com"
SESSION_LIFE: Final = 3600.0
"""Seconds: a session that outlives the demonstration."""
READ_ONLY: Final = {"granted_scope": "SCOPE_READ", "required_scope": "SCOPE_WRITE"}


def play(stage: Stage) -> None:
    """Connect accounts of all three exchanges, and try who may have which token."""
    connect_all(stage)
    connect_again(stage)
    keep_apart(stage)
    hand_out(stage)
    hold_scopes(stage)


def connect_all(stage: Stage) -> None:
    """Connect one account of each exchange, by each kind of grant that a user brings."""
    users = stage.installation.exchange

    def by_code(integration: str) -> Came:
        grant = users.authorize(integration, "ada", Scope.READ)
        return _new(stage.connect(integration, grant, user=ADA, integration=integration), refreshable=True)

    def by_login() -> Came:
        grant = users.sign_up("ada", Secret(f"password-{uuid.uuid4()}"), Scope.READ, SESSION_LIFE)
        return _new(stage.connect("binance", grant, user=ADA, integration="binance"), refreshable=False)

    def by_key() -> Came:
        grant = users.make_api_key("ada", Scope.WRITE)
        connected = stage.connect("api key", grant, user=ADA, integration="binance", scope=Scope.WRITE)
        return _new(connected, refreshable=False)

    def wallet() -> Came:
        return refusal(
            lambda: stage.connect("wallet", no_code(), user=ADA, integration="metamask"), Reason.TOKEN_NOT_REQUIRED
        )

    refreshable = "a new token_id, which MMT can refresh"
    stage.step("Connect Coinbase by an authorization code", refreshable, lambda: by_code("coinbase"))
    stage.step("Connect Uphold by an authorization code", refreshable, lambda: by_code("uphold"))
    stage.step(
        "Connect Binance by a login", "a new token_id; the password is not kept, so there is no refresh", by_login
    )
    stage.step(
        "Connect Binance by an API key, for writing", "a new token_id; the key's permissions are checked", by_key
    )
    stage.step("Connect MetaMask, a self-custody wallet", Reason.TOKEN_NOT_REQUIRED, wallet)


def connect_again(stage: Stage) -> None:
    """Connect what is known already, and what only looks like it."""
    users = stage.installation.exchange

    def same_user() -> Came:
        before = stage.connection("coinbase")
        grant = users.authorize("coinbase", "ada", Scope.READ)
        again = stage.connect("coinbase", grant, user=ADA, integration="coinbase")
        kept = again.token_id == before.token_id and again.outcome is ConnectOutcome.REAUTHENTICATED
        return Came(f"{short(again.token_id)} {again.outcome.name.lower()}", kept)

    def other_user() -> Came:
        grant = users.authorize("coinbase", "bob", Scope.READ)
        return _other(stage, stage.connect("coinbase of bob", grant, user=BOB, integration="coinbase"))

    def other_scope() -> Came:
        grant = users.authorize("coinbase", "ada", Scope.WRITE)
        connected = stage.connect("coinbase write", grant, user=ADA, integration="coinbase", scope=Scope.WRITE)
        return _other(stage, connected)

    stage.step("The same user connects Coinbase again", "the same token_id, new credentials", same_user)
    stage.step("Another user connects Coinbase", "another token_id", other_user)
    stage.step("The same user connects Coinbase for writing", "another token_id", other_scope)


def keep_apart(stage: Stage) -> None:
    """Have another client company try."""

    def same_user_name() -> Came:
        grant = stage.installation.exchange.authorize("coinbase", "ada", Scope.READ)
        return _other(
            stage, stage.connect("coinbase elsewhere", grant, user=ADA, integration="coinbase", by=stage.other)
        )

    def another_clients() -> Came:
        query = ResolveQuery(stage.token_id("coinbase"), None, Scope.READ)
        unknown = ResolveQuery(str(uuid.uuid4()), None, Scope.READ)
        seen = refusal(lambda: stage.other.resolve(query), Reason.TOKEN_NOT_FOUND)
        never = refusal(lambda: stage.other.resolve(unknown), Reason.TOKEN_NOT_FOUND)
        return Came(seen.text, seen.kept and seen == never)

    stage.step("Another client connects a user of the same name", "another token_id", same_user_name)
    stage.step(
        "Another client asks for the first client's token",
        "TOKEN_NOT_FOUND, as of an id that never was",
        another_clients,
    )


def hand_out(stage: Stage) -> None:
    """Resolve, and use what comes at the exchange."""

    def use(name: str) -> Came:
        bearer = stage.bearer(stage.token_id(name))
        works = stage.installation.exchange.lets_in(name, bearer)
        return Came(f"{masked(bearer.token)} {'let in' if works else 'refused'}", works)

    def key() -> Came:
        resolved = stage.resolve(stage.token_id("api key"), required=Scope.WRITE)
        pair = resolved.credential
        if not isinstance(pair, ApiKeyPair):
            return Came("another kind of credential", kept=False)
        live = stage.installation.exchange.book("binance", "ada").accepts(pair.key)
        return Came(f"{masked(pair.key)} and its secret", live)

    for name in ("coinbase", "uphold", "binance"):
        stage.step(
            f"Resolve {name.capitalize()}, and ask the exchange with it",
            "the exchange lets it in",
            lambda name=name: use(name),  # type: ignore[misc]  # mypy knows no default arguments of lambdas
        )
    stage.step("Resolve the API key", "the key and its secret", key)


def hold_scopes(stage: Stage) -> None:
    """Try to write with what may only read."""
    to_write = Scope.WRITE

    def check() -> Came:
        answer = stage.write.check_scope(stage.token_id("coinbase"), to_write)
        said = "allowed" if answer.allowed else "not allowed"
        return Came(
            f"{said}, granted: {answer.granted.name.lower()}", kept=not answer.allowed and answer.granted is Scope.READ
        )

    stage.step(
        "A write operation with a read-only token",
        Reason.SCOPE_MISMATCH,
        lambda: refusal(
            lambda: stage.resolve(stage.token_id("coinbase"), required=to_write), Reason.SCOPE_MISMATCH, READ_ONLY
        ),
    )
    stage.step(
        "A read-only API key asks for a write token",
        Reason.SCOPE_MISMATCH,
        lambda: refusal(
            lambda: stage.read.resolve(ResolveQuery(stage.token_id("coinbase write"), None, Scope.READ)),
            Reason.SCOPE_MISMATCH,
            READ_ONLY,
        ),
    )
    stage.step("CheckScope: may the read-only token write?", "no, and no error", check)


def no_code() -> AuthorizationCode:
    """Return a grant of which nothing comes."""
    return AuthorizationCode(Secret("a-code-of-no-exchange"), "", Secret(""))


def _new(connected: ConnectResult, *, refreshable: bool) -> Came:
    kept = connected.outcome is ConnectOutcome.CREATED and connected.refreshable is refreshable
    renewal = "refreshable" if connected.refreshable else "not refreshable"
    return Came(f"{short(connected.token_id)} {connected.outcome.name.lower()}, {renewal}", kept)


def _other(stage: Stage, connected: ConnectResult) -> Came:
    """Say whether a connection is a new one that shares its id with none."""
    ids = [known.token_id for known in stage.connected.values()]
    kept = connected.outcome is ConnectOutcome.CREATED and ids.count(connected.token_id) == 1
    return Came(f"{short(connected.token_id)} {connected.outcome.name.lower()}", kept)
