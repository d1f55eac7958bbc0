"""Access tokens that expired long ago are forgotten, so that a chain may be refreshed for ever."""

import itertools
from pathlib import Path

from mmt_grpc.sandbox.books import Books
from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.records import Terms, TokenKind
from mmt_grpc.sandbox.tallies import Tallies
from tests.sandbox.application import Application, Clock

ROUNDS = 40


def test_a_token_that_has_just_expired_is_still_told_from_an_unknown_one(app: Application, clock: Clock) -> None:
    tokens = app.connect("coinbase", access_seconds=60)
    clock.ahead = 300
    again = app.refresh("coinbase", tokens["refresh_token"]).json()
    assert app.account("coinbase", tokens["access_token"]).json()["errors"][0]["id"] == "expired_token"
    clock.ahead = 3_000
    app.refresh("coinbase", again["refresh_token"])
    assert app.account("coinbase", tokens["access_token"]).json()["errors"][0]["id"] == "invalid_token"


def test_a_chain_keeps_few_access_tokens_however_often_it_is_refreshed_and_restarted(tmp_path: Path) -> None:
    clock, numbers = Clock(), itertools.count()
    clock.stopped_at = 0.0
    terms = Terms(("read",), access_seconds=60, refresh_seconds=1e9)
    refresh: str | None = None
    for _ in range(4):
        journal = Journal(path=tmp_path / "books.db")
        books = Books(
            journal=journal,
            tallies=Tallies(journal=journal),
            clock=clock,
            make_token=lambda: f"text-{next(numbers)}",
        )
        if refresh is None:
            code = books.authorize(
                integration="acme", account="a", terms=terms, redirect_uri="", challenge=None, code_seconds=60
            )
            refresh = books.exchange(integration="acme", code=code, redirect_uri=None, verifier=None).refresh
        for _ in range(ROUNDS):
            clock.ahead += 100
            assert refresh is not None
            refresh = books.refresh(integration="acme", token=refresh).refresh
        kept = [token for token in books._tokens if token.kind is TokenKind.ACCESS]
        # 600 s of expired ones at 100 s apart, and what is alive.
        assert len(kept) <= 10
        journal.close()
