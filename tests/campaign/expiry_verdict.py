"""What the expiry campaign found, and what of it must not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.campaign.expiry_exchange import COINBASE, UPHOLD
from tests.campaign.expiry_holders import Holder
from tests.campaign.expiry_measures import MOST_BURST, Burst, Window, burst, lags, most_within, percentile
from tests.campaign.expiry_stage import Stage
from tests.campaign.expiry_watch import Answer, Latency, latency, wrong_answers
from tests.campaign.notary import Exchange

MOST_SLOWED = 2.0
"""What a Resolve may take during the storm, against the quiet before and after it."""
COINBASE_LIMIT = 10_000
"""Requests of one user in an hour: no run lasts longer, so all that one user's tokens cost are counted."""
_MARGIN = 5.0
"""Seconds at the borders of a phase that belong to none."""
HONEST = frozenset({"PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE"})
"""What a token may end as that the limit lets nobody refresh: its user need not log in again."""


@dataclass(frozen=True)
class Storm:
    """How 10,000 tokens that end together were refreshed; lags in seconds behind the rows' own plan."""

    tokens: int
    window_seconds: float
    planned: Burst
    sent: Burst
    lag_p50: float
    lag_p99: float
    lag_most: float
    not_once: int
    too_late: int
    most_of_one_user: int

    def complaints(self) -> Sequence[str]:
        found = []
        if self.sent.ratio > MOST_BURST:
            found.append(f"a burst of {self.sent.ratio:.2f} times the mean")
        if self.not_once:
            found.append(f"{self.not_once} tokens were not refreshed exactly once")
        if self.too_late:
            found.append(f"{self.too_late} tokens were refreshed after they had expired")
        if self.most_of_one_user > COINBASE_LIMIT:
            found.append(f"one user cost {self.most_of_one_user} requests")
        return found


@dataclass(frozen=True)
class Budget:
    """What came to the exchange that has a limit: requests in all, the most in any window of it, and its refusals."""

    tokens: int
    requests: int
    most: int
    limit: int
    seconds: int
    refused: Mapping[str, int]
    more_than_once: int

    def complaints(self) -> Sequence[str]:
        found = []
        if self.most > self.limit:
            found.append(f"{self.most} requests within {self.seconds} s, where {self.limit} are allowed")
        if self.refused:
            found.append(f"the exchange refused: {dict(self.refused)}")
        if self.more_than_once:
            found.append(f"{self.more_than_once} tokens of the limited exchange were refreshed more than once")
        return found


@dataclass(frozen=True)
class Callers:
    """What callers were told: refusals of tokens that were alive (`unserved`), and of those whose life was over."""

    calls: int
    wrong: Mapping[str, int]
    unserved: Mapping[str, int]
    ended: Mapping[str, int]

    def complaints(self) -> Sequence[str]:
        found = [f"{count} times {what}" for what, count in self.wrong.items()]
        found += [f"{count} calls for a live token were refused: {reason}" for reason, count in self.unserved.items()]
        found += [f"{count} ended as {reason}" for reason, count in self.ended.items() if reason not in HONEST]
        return found


def judge_storm(stage: Stage, window: Window, plan: Sequence[float], sample: float) -> Storm:
    """Hold what came to the exchange against the plan, the window and the books."""
    sent = stage.refreshes(COINBASE)
    first = {each.chain.account: each for each in reversed(sent)}
    books = stage.books(COINBASE)
    behind = lags(plan, [each.began_at for each in first.values()]) if len(first) == len(plan) else []
    costs = Counter(each.chain.account for each in sent)
    return Storm(
        tokens=len(stage.groups[COINBASE]),
        window_seconds=window.seconds,
        planned=burst(plan, window, sample=sample),
        sent=burst([each.began_at for each in sent], window, sample=sample),
        lag_p50=percentile(behind, 0.5),
        lag_p99=percentile(behind, 0.99),
        lag_most=max(behind, default=float("inf")),
        not_once=sum(not _once(books[holder.name], costs[holder.name]) for holder in stage.groups[COINBASE]),
        too_late=sum(_is_late(holder, first.get(holder.name)) for holder in stage.groups[COINBASE]),
        most_of_one_user=max(costs.values(), default=0) + 2,  # and the code, and the look-up of the account
    )


def judge_budget(stage: Stage) -> Budget:
    """Count what came of all replicas together in every window."""
    requests, seconds = (int(part) for part in stage.size.limit.removesuffix("s").split("/"))
    moments = [each.began_at for each in stage.refreshes(UPHOLD)]
    books = stage.books(UPHOLD)
    return Budget(
        tokens=len(stage.groups[UPHOLD]),
        requests=len(moments),
        most=most_within(moments, seconds),
        limit=requests,
        seconds=seconds,
        refused=dict(stage.fleet.notary.refusals),
        more_than_once=sum(
            books[holder.name]["refreshes"] > 1 or books[holder.name]["reuses"] > 0 for holder in stage.groups[UPHOLD]
        ),
    )


def judge_callers(stage: Stage, answers: Sequence[Answer]) -> Callers:
    """Judge each answer by whose token it was and whether that was alive."""
    renewed_at = {each.chain.account: each.began_at for each in reversed(stage.fleet.notary.refreshes())}
    unserved: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for each in answers:
        if each.reason is not None:
            over = Window(each.holder.ends_at, renewed_at.get(each.holder.name, float("inf")))
            (ended if over.has(each.began_at + each.seconds) else unserved)[each.reason] += 1
    return Callers(len(answers), dict(wrong_answers(answers, stage.fleet.notary)), dict(unserved), dict(ended))


def latencies(answers: Sequence[Answer], phases: Mapping[str, Sequence[Window]]) -> Sequence[Latency]:
    """How long Resolves of the tokens without a limit took, by phase; a phase's borders are left out."""
    chosen = [each for each in answers if each.holder.integration == COINBASE]
    return [
        latency(name, chosen, [Window(one.begins_at + _MARGIN, one.ends_at - _MARGIN) for one in windows])
        for name, windows in phases.items()
    ]


def _once(book: Mapping[str, int], sent: int) -> bool:
    return sent == 1 and (book["exchanges"], book["refreshes"], book["reuses"]) == (1, 1, 0)


def _is_late(holder: Holder, refresh: Exchange | None) -> bool:
    return refresh is None or refresh.committed_at is None or refresh.committed_at >= holder.ends_at
