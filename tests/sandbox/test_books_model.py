"""The books against a plain model, over any order of events and any number of restarts."""

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mmt_grpc.sandbox.books import Books
from mmt_grpc.sandbox.journal import Journal
from mmt_grpc.sandbox.records import Terms, TokenKind, digest
from mmt_grpc.sandbox.refusal import RefusedError
from mmt_grpc.sandbox.tallies import Tallies

CODE_SECONDS, ACCESS_SECONDS, REFRESH_SECONDS = 50.0, 100.0, 2_000.0
NAME = "acme"


@dataclass
class Grant:
    """What the model knows of one code and its chain."""

    account: str
    code: str
    code_until: float
    access: dict[str, float]
    refresh: str | None = None
    refresh_until: float = 0.0
    used: bool = False
    dead: bool = False


class BooksMachine(RuleBasedStateMachine):
    """Codes, refreshes with any token ever given, revocations, deaths, time, restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000_000.0
        self.numbers = itertools.count()
        self.grants: list[Grant] = []
        self.spent: dict[str, Grant] = {}
        self.killed: set[str] = set()
        self.refreshes = self.reuses = self.exchanges = 0
        self.open()

    def open(self) -> None:
        self.journal = Journal(path=Path(self.folder.name) / "books.db")
        self.tallies = Tallies(journal=self.journal)
        self.books = Books(
            journal=self.journal,
            tallies=self.tallies,
            clock=lambda: self.now,
            make_token=lambda: f"text-{next(self.numbers)}",
        )

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.open()

    @rule(seconds=st.sampled_from([1.0, 49.0, 99.0, 650.0, 1_500.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(account=st.sampled_from(["alice", "bob"]))
    def authorize(self, account: str) -> None:
        code = self.books.authorize(
            integration=NAME,
            account=account,
            terms=Terms(("read",), ACCESS_SECONDS, REFRESH_SECONDS),
            redirect_uri="",
            challenge=None,
            code_seconds=CODE_SECONDS,
        )
        self.grants.append(Grant(account, code, self.now + CODE_SECONDS, {}))

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def exchange(self, data: st.DataObject) -> None:
        grant = data.draw(st.sampled_from(self.grants))
        try:
            issued = self.books.exchange(integration=NAME, code=grant.code, redirect_uri=None, verifier=None)
        except RefusedError:
            assert grant.used or grant.code_until <= self.now
            grant.dead = grant.dead or grant.used
            return
        assert not grant.used
        assert self.now < grant.code_until
        grant.used = True
        self.exchanges += 1
        self._keep(grant, issued.access, issued.refresh)

    @precondition(lambda self: any(grant.refresh for grant in self.grants))
    @rule(data=st.data())
    def refresh(self, data: st.DataObject) -> None:
        grant = data.draw(st.sampled_from([grant for grant in self.grants if grant.refresh]))
        assert grant.refresh is not None
        good = self._is_live(grant, grant.refresh, grant.refresh_until)
        try:
            issued = self.books.refresh(integration=NAME, token=grant.refresh)
        except RefusedError:
            assert not good
            return
        assert good
        self.refreshes += 1
        self.spent[grant.refresh] = grant
        self._keep(grant, issued.access, issued.refresh)

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def refresh_with_a_spent_token(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.spent)))
        try:
            self.books.refresh(integration=NAME, token=token)
        except RefusedError:
            self.reuses += 1
            self.spent[token].dead = True
            return
        raise AssertionError("a spent token was accepted")

    @precondition(lambda self: any(grant.access for grant in self.grants))
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        grant = data.draw(st.sampled_from([grant for grant in self.grants if grant.access]))
        token = data.draw(st.sampled_from(sorted(grant.access)))
        alive = self._is_live(grant, token, grant.access[token])
        assert self.books.revoke(integration=NAME, token=token, kinds={TokenKind.ACCESS}) is alive
        grant.dead = grant.dead or alive

    @rule(account=st.sampled_from(["alice", "bob"]), kinds=st.sets(st.sampled_from(list(TokenKind)), min_size=1))
    def kill(self, account: str, kinds: set[TokenKind]) -> None:
        doomed = set()
        for grant in (grant for grant in self.grants if grant.account == account):
            if TokenKind.ACCESS in kinds:
                doomed |= {text for text, until in grant.access.items() if self._is_live(grant, text, until)}
            if TokenKind.REFRESH in kinds and grant.refresh:
                doomed |= {grant.refresh} if self._is_live(grant, grant.refresh, grant.refresh_until) else set()
        assert self.books.kill(integration=NAME, account=account, kinds=frozenset(kinds)) == len(doomed)
        self.killed |= doomed

    @invariant()
    def what_is_live_is_what_the_model_says(self) -> None:
        expected: dict[tuple[str, str], list[str]] = {}
        for grant in self.grants:
            tokens = list(grant.access.items()) + ([(grant.refresh, grant.refresh_until)] if grant.refresh else [])
            alive = [digest(text) for text, until in tokens if self._is_live(grant, text, until)]
            expected.setdefault((NAME, grant.account), []).extend(alive)
        live = self.books.live()
        assert {owner: digests for owner, digests in live.items() if digests} == {
            owner: sorted(digests) for owner, digests in expected.items() if digests
        }

    @invariant()
    def the_counts_are_right(self) -> None:
        totals = [(tally.exchanges, tally.refreshes, tally.reuses) for tally in self.tallies]
        assert tuple(map(sum, zip(*totals, strict=True))) == (
            (self.exchanges, self.refreshes, self.reuses) if totals else ()
        )

    def _keep(self, grant: Grant, access: str, refresh: str | None) -> None:
        grant.access[access] = self.now + ACCESS_SECONDS
        grant.refresh, grant.refresh_until = refresh, self.now + REFRESH_SECONDS

    def _is_live(self, grant: Grant, text: str, until: float) -> bool:
        return not grant.dead and text not in self.killed and self.now < until


TestBooks = BooksMachine.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
