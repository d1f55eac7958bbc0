"""Starts the load, and judges each of its answers by what the exchange gave to whom and when."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.campaign.expiry_holders import Holder
from tests.campaign.expiry_load import Orders
from tests.campaign.expiry_measures import Window, percentile
from tests.campaign.notary import Notary
from tests.support.dev import environment
from tests.support.tree import ROOT

_STOP_LIMIT = 120.0


@dataclass(frozen=True)
class Answer:
    """One Resolve: whose, when it began (monotonic), how many seconds it took, and a token or a reason."""

    holder: Holder
    began_at: float
    seconds: float
    token: str | None = field(repr=False)
    reason: str | None


@dataclass(frozen=True)
class Latency:
    """How long the calls of a phase took, in milliseconds."""

    phase: str
    calls: int
    p50: float
    p99: float


@dataclass
class Watch:
    """The load's process; `answers` are there once it has been stopped."""

    answers: list[Answer] = field(default_factory=list)


@contextlib.contextmanager
def watching(
    addresses: Sequence[str], api_key: str, groups: Mapping[str, Sequence[Holder]], rates: Mapping[str, float]
) -> Iterator[Watch]:
    """Resolve the tokens of all groups, each at its rate (calls a second), until the block ends."""
    token_ids = {group: [holder.token_id for holder in holders] for group, holders in groups.items()}
    orders = Orders(addresses=list(addresses), api_key=api_key, token_ids=dict(token_ids), rates=dict(rates))
    watch = Watch()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as written:
        load = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.expiry_load"],
            cwd=ROOT,
            env=environment({"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}),
            stdin=subprocess.PIPE,
            stdout=written,
            text=True,
        )
        assert load.stdin is not None
        try:
            load.stdin.write(json.dumps(asdict(orders)) + "\n")
            load.stdin.flush()
            yield watch
            load.stdin.close()
            assert load.wait(_STOP_LIMIT) == 0, "the load failed"
        finally:
            load.kill()
            load.wait()
        written.seek(0)
        for group, number, *rest in map(json.loads, written):
            watch.answers.append(Answer(groups[group][number], *rest))


def latency(phase: str, answers: Sequence[Answer], windows: Sequence[Window]) -> Latency:
    """How long the answers that began within any of the windows took."""
    taken = [each.seconds * 1000 for each in answers if any(window.has(each.began_at) for window in windows)]
    return Latency(phase, len(taken), percentile(taken, 0.5), percentile(taken, 0.99))


def wrong_answers(answers: Sequence[Answer], notary: Notary) -> Counter[str]:
    """Count the tokens that were somebody else's, and those that had expired when they were asked for."""
    found: Counter[str] = Counter()
    for each in answers:
        if each.token is None:
            continue
        origin = notary.origin(each.token)
        if origin is None or origin[0] != each.holder.name:
            found["a wrong token"] += 1
        elif each.began_at >= _end_of(each.holder, origin[1]):
            found["an expired token"] += 1
    return found


def _end_of(holder: Holder, given_at: float) -> float:
    """When a token ends that the exchange gave at a moment: the first one when the service was told that it does."""
    return holder.ends_at if given_at < holder.connected_at else given_at + holder.access_seconds
