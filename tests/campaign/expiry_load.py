"""Resolves tokens at a steady rate, in a process of its own: `python -m tests.campaign.expiry_load`.

The first line on its standard input says what to resolve (see `Orders`); it works until the input ends, then writes
one JSON array for each call: group, number of the token, when it began (the monotonic clock, which all processes
share), the seconds it took, the access token or null, the refusal's reason or null.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.support.clients import Caller, Refused, token_of

CALLS_PER_THREAD = 5.0
"""Calls in a second; each thread has a connection of its own."""
Record = list[Any]


@dataclass(frozen=True)
class Orders:
    """What to resolve: by group the token ids, and how many calls a second are spread over them at random."""

    addresses: Sequence[str]
    api_key: str
    token_ids: dict[str, Sequence[str]]
    rates: dict[str, float]


@dataclass
class Line:
    """One thread's calls, at fixed moments `period` seconds apart."""

    caller: Caller
    group: str
    token_ids: Sequence[str]
    begins_at: float
    period: float
    chance: random.Random

    def run(self, stopping: threading.Event) -> list[Record]:
        """Call until told to stop.

        A call that could not begin in time because the one before it took so long counts from when it was due: what is
        slow must not thin out what measures it. A thread that was woken late counts from when it called.
        """
        records: list[Record] = []
        due, ended = self.begins_at, 0.0
        while not stopping.wait(max(0.0, due - time.monotonic())):
            began = due if ended > due else time.monotonic()
            number = self.chance.randrange(len(self.token_ids))
            token, reason = self._resolve(self.token_ids[number])
            ended = time.monotonic()
            records.append([self.group, number, began, ended - began, token, reason])
            due += self.period
        return records

    def _resolve(self, token_id: str) -> tuple[str | None, str | None]:
        try:
            return token_of(self.caller.resolve(token_id)), None
        except Refused as refused:
            return None, refused.reason or refused.code.name


def main() -> None:
    """Work as ordered."""
    orders = Orders(**json.loads(sys.stdin.readline()))
    stopping, lines = threading.Event(), _lines(orders)
    with ThreadPoolExecutor(len(lines)) as pool:
        working = [pool.submit(line.run, stopping) for line in lines]
        sys.stdin.read()
        stopping.set()
    for line in lines:
        line.caller.close()
    records = [record for work in working for record in work.result()]
    for record in sorted(records, key=lambda record: float(record[2])):
        sys.stdout.write(json.dumps(record) + "\n")


def _lines(orders: Orders) -> Sequence[Line]:
    """Each group's threads, the first calls spread over a period."""
    begins_at = time.monotonic()
    lines: list[Line] = []
    for group, rate in orders.rates.items():
        threads = max(1, round(rate / CALLS_PER_THREAD))
        for number in range(threads):
            address = orders.addresses[len(lines) % len(orders.addresses)]
            lines.append(
                Line(
                    caller=Caller(address, orders.api_key),
                    group=group,
                    token_ids=orders.token_ids[group],
                    begins_at=begins_at + number / rate,
                    period=threads / rate,
                    chance=random.Random(f"{group}-{number}"),
                )
            )
    return lines


if __name__ == "__main__":
    main()
