"""What a campaign's faults have cost, counted from the exchange's own books and from what came over the wire."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.campaign.at_death import Deaths
from tests.campaign.crowd import Crowd, User
from tests.campaign.notary import Chain, Exchange
from tests.support.waiting import until

ROTATION_LOST = "ROTATION_LOST"
SENT_AT_MOST = 2
"""A refresh token is sent once, and once more only as the one retry of what is in doubt.

A retry whose own exchanger dies leaves a doubt again, which allows another.
"""
ADMITTED_WITHIN = 120.0


@dataclass(frozen=True)
class Verdict:
    """`lost`: chains of acknowledged Connects that are dead in the exchange's books, or that the service gave up.

    `explained`: those of them of which an answer was caught between the exchange's commit and a disk, or came
    `unheard`, when its exchanger had given up: on a machine that stood still for as long as a request may take.
    `stuck`: users who were not served in the end. `sent_unasked`: tokens that were sent more often than their
    exchangers' deaths allow. `seconds_to_admit`: the longest from a caught answer to the refusal that says so;
    `admitted_late`: how many took over two minutes.
    """

    rotations: int
    lost: int
    explained: int
    caught: int
    unheard: int
    reuses: int
    most_sendings: int
    sent_unasked: int
    stuck: Sequence[str]
    violations: Sequence[str]
    seconds_to_admit: float
    admitted_late: int

    @property
    def wrong_tokens(self) -> int:
        return sum(violation.startswith("a wrong token") for violation in self.violations)

    @property
    def unexplained(self) -> int:
        return self.lost - self.explained

    def complaints(self) -> Sequence[str]:
        """All that must not be; empty if every promise was kept."""
        found = list(self.violations)
        if self.unexplained:
            found.append(f"{self.unexplained} rotations are lost whose answers were on a disk")
        if self.sent_unasked:
            found.append(f"{self.sent_unasked} refresh tokens were sent too often, one {self.most_sendings} times")
        if self.stuck:
            found.append(f"{len(self.stuck)} users are not served after the faults have stopped")
        return found


def settle(crowd: Crowd, *, patience: float) -> Sequence[str]:
    """Wait until everybody has been served with a token younger than now; return who was not within the time."""
    since = time.monotonic()

    def waiting() -> list[User]:
        return [user for user in crowd.users if user.served_from <= since]

    try:
        until(lambda: not waiting(), "everybody is served again", patience=patience)
    except AssertionError:
        return [user.name for user in waiting()]
    return []


def judge(crowd: Crowd, deaths: Deaths, *, stuck: Sequence[str] = ()) -> Verdict:
    """Compare what was acknowledged with the books; call it when everything has settled."""
    books = crowd.fleet.exchange.books()
    notary = crowd.fleet.notary
    held = {id(chain): (user, chain) for user in crowd.users for chain in user.chains}
    dead = {key for key, (user, chain) in held.items() if chain.refresh_digests.isdisjoint(books[user.name]["live"])}
    lost = dead | {id(loss.chain) for loss in crowd.losses}
    explained = {key for key in lost if deaths.explains(held[key][1])}
    delays = [_delay(deaths, loss.chain, loss.at) for loss in crowd.losses]
    return Verdict(
        rotations=len(notary.refreshes()),
        lost=len(lost),
        explained=len(explained),
        caught=len(deaths.caught),
        unheard=len(deaths.unheard()),
        reuses=sum(int(books[user.name]["reuses"]) for user in crowd.users),
        most_sendings=notary.most_sendings(),
        sent_unasked=sum(not may_be_sent(sent, deaths) for sent in notary.sendings()),
        stuck=list(stuck),
        violations=[*crowd.violations, *_dishonest(crowd, deaths)],
        seconds_to_admit=max(delays, default=0.0),
        admitted_late=sum(delay > ADMITTED_WITHIN for delay in delays),
    )


def may_be_sent(sent: Sequence[Exchange], deaths: Deaths) -> bool:
    """Whether one token may have been sent so often: before each time after the second, the last retry had died."""
    retries = sent[SENT_AT_MOST - 1 :]
    return all(deaths.struck(retry, after.began_at) for retry, after in itertools.pairwise(retries))


def _dishonest(crowd: Crowd, deaths: Deaths) -> Sequence[str]:
    """Chains that were lost by us and are said to have been ended by somebody else."""
    return [
        f"a lost rotation of {loss.user.name} is said to be {loss.cause}"
        for loss in crowd.losses
        if loss.cause != ROTATION_LOST and deaths.explains(loss.chain)
    ]


def _delay(deaths: Deaths, chain: Chain, at: float) -> float:
    caught = [each.committed_at for each in deaths.caught if each.chain is chain and each.committed_at is not None]
    return at - caught[-1] if caught else 0.0
